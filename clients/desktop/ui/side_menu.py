"""Left menu in the groups of UIX-03, only what the person may read; folds to a narrow strip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem

from clients.desktop.model.metadata import Metadata, visible_menu
from clients.desktop.model.texts import t
from clients.desktop.ui import icons, theme

_ENTITY = int(Qt.ItemDataRole.UserRole)
_WIDE, _NARROW = 236, 46


class SideMenu(QTreeWidget):
    """Groups and their lists."""

    chosen = Signal(str)
    home_chosen = Signal()

    def __init__(self, metadata: Metadata) -> None:
        super().__init__()
        self.setObjectName("sideMenu")
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(theme.scaled(22))
        self.setIconSize(QSize(16, 16))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(t("menu.title"))
        self.groups: dict[str, list[str]] = {}
        self.narrow = False
        self._home = QTreeWidgetItem([t("home.title")])
        self.addTopLevelItem(self._home)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: dict[str, QTreeWidgetItem] = {}
        for group, entities in visible_menu(metadata):
            top = self._home if group.group == "home" else QTreeWidgetItem([group.label])
            if top is not self._home:
                top.setToolTip(0, group.label)
                self.addTopLevelItem(top)
            self._groups[group.group] = top
            self.groups[group.group] = [e.name for e in entities]
            for entity in entities:
                item = QTreeWidgetItem([entity.label_plural])
                item.setData(0, _ENTITY, entity.name)
                item.setToolTip(0, entity.description or entity.label_plural)
                top.addChild(item)
                self._items[entity.name] = item
        rows = [self._home, *self._groups.values(), *self._items.values()]
        for item in rows:
            item.setSizeHint(0, QSize(0, theme.scaled(28)))
        self._home.setExpanded(True)
        self.refresh_icons()
        self.itemClicked.connect(self._clicked)
        self.itemActivated.connect(self._activated)
        self.setFixedWidth(theme.scaled(_WIDE))

    def refresh_icons(self) -> None:
        """Draw the signs in the theme's colours."""
        self._home.setIcon(0, icons.icon("home", theme.current().muted))
        for group, item in self._groups.items():
            item.setIcon(0, icons.icon(group, theme.current().muted))

    @property
    def entities(self) -> list[str]:
        """Names of the lists offered."""
        return list(self._items)

    def _clicked(self, item: QTreeWidgetItem) -> None:
        name = item.data(0, _ENTITY)
        if name:
            self.chosen.emit(name)
        elif item is self._home:
            self.home_chosen.emit()
        elif self.narrow:
            self.set_narrow(False)
            item.setExpanded(True)
        else:
            item.setExpanded(not item.isExpanded())

    def _activated(self, item: QTreeWidgetItem) -> None:
        if name := item.data(0, _ENTITY):
            self.chosen.emit(name)

    def mark(self, entity: str | None) -> None:
        """Show where the work area is."""
        self.blockSignals(True)
        item = self._items.get(entity or "")
        if item is None:
            self.setCurrentItem(self._home)
        else:
            parent = item.parent() or self._home
            if not self.narrow:
                for group in self._groups.values():
                    group.setExpanded(group in (parent, self._home))
            self.setCurrentItem(parent if self.narrow else item)
        self.blockSignals(False)

    def set_narrow(self, narrow: bool) -> None:
        """Fold to signs only, or unfold."""
        self.narrow = narrow
        if narrow:
            self.collapseAll()
        self.setFixedWidth(theme.scaled(_NARROW if narrow else _WIDE))
