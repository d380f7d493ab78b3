"""The machining computation: pure functions of dataclasses, no database, clock or network.

Start with :func:`coordinator.modules.quoting.engine.quote.compute`.
"""
