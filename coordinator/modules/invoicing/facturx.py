"""Factur-X invoices: CII XML of profile EN 16931, checked, embedded in a PDF/A-3 (ORD-37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

from coordinator.kernel.papers.data import Address, Company, Party
from coordinator.modules.invoicing import schematron
from coordinator.modules.invoicing.invoice_data import (
    InvoiceData,
    InvoiceFieldError,
    InvoiceKind,
    InvoiceLine,
    OperationNature,
    VatCategory,
    missing_fields,
    prepaid_of,
    totals_of,
    vat_breakdown,
)

GUIDELINE = "urn:cen.eu:en16931:2017"
_NS = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}
_TYPE_CODE = {InvoiceKind.INVOICE: "380", InvoiceKind.DEPOSIT: "386", InvoiceKind.CREDIT_NOTE: "381"}
_NATURE_LETTER = {OperationNature.GOODS: "B", OperationNature.SERVICES: "S", OperationNature.BOTH: "M"}


class InvoiceNotIssuable(Exception):
    """Mandatory fields are missing or the XML breaks a rule: `errors` lists them in French."""

    code = "invoice_not_issuable"

    def __init__(self, errors: list[InvoiceFieldError]) -> None:
        self.errors = errors
        super().__init__(" ".join(error.message for error in errors))


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """PDF/A-3 with the embedded XML, and the XML alone. `schematron_checked` is False without an XSLT 2
    processor."""

    pdf: bytes
    xml: bytes
    schematron_checked: bool


def _add(parent: etree._Element, path: str, value: str | None = None, **attributes: str) -> etree._Element:
    """Adds the nested elements of `path` ("ram:A/ram:B") and returns the last."""
    node = parent
    for step in path.split("/"):
        prefix, name = step.split(":")
        node = etree.SubElement(node, f"{{{_NS[prefix]}}}{name}")
    if value is not None:
        node.text = value
    for key, text in attributes.items():
        node.set(key, text)
    return node


def _amount(value: Decimal) -> str:
    return format(value, ".2f")


def _number(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day(parent: etree._Element, path: str, day: date, kind: str = "udt") -> None:
    _add(parent, f"{path}/{kind}:DateTimeString", day.strftime("%Y%m%d"), format="102")


def _address(parent: etree._Element, address: Address) -> None:
    node = _add(parent, "ram:PostalTradeAddress")
    _add(node, "ram:PostcodeCode", address.postcode)
    _add(node, "ram:LineOne", address.street)
    if address.more:
        _add(node, "ram:LineTwo", address.more)
    _add(node, "ram:CityName", address.city)
    _add(node, "ram:CountryID", address.country)


def _party(parent: etree._Element, tag: str, party: Company | Party, address: Address) -> None:
    node = _add(parent, tag)
    _add(node, "ram:Name", party.name)
    if isinstance(party, Company) and party.legal_form:
        capital = f" au capital de {_number(party.capital)} EUR" if party.capital else ""
        rcs = f", RCS {party.rcs_town} {party.siren}" if party.rcs_town else ""
        _add(node, "ram:Description", f"{party.legal_form}{capital}{rcs}")
    if party.siren:
        _add(node, "ram:SpecifiedLegalOrganization/ram:ID", party.siren, schemeID="0002")
    _address(node, address)
    if party.siren:
        _add(node, "ram:URIUniversalCommunication/ram:URIID", party.siren, schemeID="0225")
    if party.vat_number:
        _add(node, "ram:SpecifiedTaxRegistration/ram:ID", party.vat_number.replace(" ", ""), schemeID="VA")


def _document(root: etree._Element, data: InvoiceData) -> None:
    context = _add(root, "rsm:ExchangedDocumentContext")
    stage = "4" if data.deposits else "1"
    _add(
        context,
        "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID",
        _NATURE_LETTER[data.nature] + stage,
    )
    _add(context, "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", GUIDELINE)
    document = _add(root, "rsm:ExchangedDocument")
    _add(document, "ram:ID", data.number)
    _add(document, "ram:TypeCode", _TYPE_CODE[data.kind])
    _day(document, "ram:IssueDateTime", data.issued_on)
    notes = [
        ("PMT", data.recovery_indemnity),
        ("PMD", f"Pénalités de retard : {data.late_rate}"),
        ("AAB", data.early_discount),
        *(("AAI", note) for note in data.notes),
    ]
    if data.vat_on_debits:
        notes.append(("AAI", "Option pour le paiement de la taxe d'après les débits"))
    for code, text in notes:
        note = _add(document, "ram:IncludedNote")
        _add(note, "ram:Content", text)
        _add(note, "ram:SubjectCode", code)


def _line(trade: etree._Element, line: InvoiceLine) -> None:
    node = _add(trade, "ram:IncludedSupplyChainTradeLineItem")
    _add(node, "ram:AssociatedDocumentLineDocument/ram:LineID", str(line.position))
    product = _add(node, "ram:SpecifiedTradeProduct")
    if line.part_number:
        _add(product, "ram:SellerAssignedID", line.part_number)
    _add(product, "ram:Name", line.designation)
    if line.description:
        _add(product, "ram:Description", line.description)
    _add(
        node,
        "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount",
        _number(line.unit_price),
    )
    _add(
        node,
        "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity",
        _number(line.quantity),
        unitCode=line.unit_code,
    )
    settlement = _add(node, "ram:SpecifiedLineTradeSettlement")
    tax = _add(settlement, "ram:ApplicableTradeTax")
    _add(tax, "ram:TypeCode", "VAT")
    _add(tax, "ram:CategoryCode", line.vat_category.value)
    _add(tax, "ram:RateApplicablePercent", _amount(line.vat_rate_pct))
    if line.discount:
        allowance = _add(settlement, "ram:SpecifiedTradeAllowanceCharge")
        _add(allowance, "ram:ChargeIndicator/udt:Indicator", "false")
        if not line.discount_amount:
            _add(allowance, "ram:CalculationPercent", _number(line.discount_pct))
            _add(allowance, "ram:BasisAmount", _amount(line.gross))
        _add(allowance, "ram:ActualAmount", _amount(line.discount))
        _add(allowance, "ram:ReasonCode", "95")
        _add(allowance, "ram:Reason", "Remise")
    _add(
        settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", _amount(line.net)
    )


def _agreement(trade: etree._Element, data: InvoiceData) -> None:
    node = _add(trade, "ram:ApplicableHeaderTradeAgreement")
    _party(node, "ram:SellerTradeParty", data.seller, data.seller.address)
    _party(node, "ram:BuyerTradeParty", data.buyer, data.billing_address or data.buyer.address)
    if data.order_numbers:
        _add(node, "ram:SellerOrderReferencedDocument/ram:IssuerAssignedID", data.order_numbers[0])
    if data.customer_order_number:
        _add(node, "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", data.customer_order_number)


def _delivery(trade: etree._Element, data: InvoiceData) -> None:
    node = _add(trade, "ram:ApplicableHeaderTradeDelivery")
    target = data.delivery_address
    if target is None and any(line.vat_category is VatCategory.INTRA_EU for line in data.lines):
        target = data.buyer.address
    if target is not None:
        ship = _add(node, "ram:ShipToTradeParty")
        _add(ship, "ram:Name", data.buyer.name)
        _address(ship, target)
    if data.delivered_on is not None:
        _day(node, "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime", data.delivered_on)
    if data.delivery_note_numbers:
        _add(node, "ram:DespatchAdviceReferencedDocument/ram:IssuerAssignedID", data.delivery_note_numbers[0])


def _settlement(trade: etree._Element, data: InvoiceData) -> None:
    node = _add(trade, "ram:ApplicableHeaderTradeSettlement")
    _add(node, "ram:PaymentReference", data.number)
    _add(node, "ram:InvoiceCurrencyCode", data.currency)
    if data.seller.iban:
        means = _add(node, "ram:SpecifiedTradeSettlementPaymentMeans")
        _add(means, "ram:TypeCode", "30")
        _add(means, "ram:PayeePartyCreditorFinancialAccount/ram:IBANID", data.seller.iban.replace(" ", ""))
        if data.seller.bic:
            _add(means, "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", data.seller.bic)
    for category, vat in vat_breakdown(data):
        tax = _add(node, "ram:ApplicableTradeTax")
        _add(tax, "ram:CalculatedAmount", _amount(vat.amount))
        _add(tax, "ram:TypeCode", "VAT")
        if category is not VatCategory.STANDARD:
            _add(tax, "ram:ExemptionReason", vat.mention)
        _add(tax, "ram:BasisAmount", _amount(vat.base))
        _add(tax, "ram:CategoryCode", category.value)
        if data.vat_on_debits:
            _add(tax, "ram:DueDateTypeCode", "5")
        _add(tax, "ram:RateApplicablePercent", _amount(vat.rate_pct))
    terms = _add(node, "ram:SpecifiedTradePaymentTerms")
    _add(terms, "ram:Description", data.payment_terms)
    if data.due_on is not None:
        _day(terms, "ram:DueDateDateTime", data.due_on)
    totals, prepaid = totals_of(data), prepaid_of(data)
    sums = _add(node, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    _add(sums, "ram:LineTotalAmount", _amount(totals.excl))
    _add(sums, "ram:TaxBasisTotalAmount", _amount(totals.excl))
    _add(sums, "ram:TaxTotalAmount", _amount(totals.vat_total), currencyID=data.currency)
    _add(sums, "ram:GrandTotalAmount", _amount(totals.incl))
    if prepaid:
        _add(sums, "ram:TotalPrepaidAmount", _amount(prepaid))
    _add(sums, "ram:DuePayableAmount", _amount(totals.incl - prepaid))
    for earlier in [*([data.original] if data.original else []), *data.deposits]:
        reference = _add(node, "ram:InvoiceReferencedDocument")
        _add(reference, "ram:IssuerAssignedID", earlier.number)
        _day(reference, "ram:FormattedIssueDateTime", earlier.issued_on, kind="qdt")


def build_xml(data: InvoiceData) -> bytes:
    """CII XML of the invoice, profile EN 16931. Raises InvoiceNotIssuable listing the missing fields."""
    errors = missing_fields(data)
    if errors:
        raise InvoiceNotIssuable(errors)
    root = etree.Element(f"{{{_NS['rsm']}}}CrossIndustryInvoice", nsmap=_NS)
    _document(root, data)
    trade = _add(root, "rsm:SupplyChainTradeTransaction")
    for line in data.lines:
        _line(trade, line)
    _agreement(trade, data)
    _delivery(trade, data)
    _settlement(trade, data)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def check_xml(xml: bytes) -> bool:
    """Checks the XML against the XSD, and the Schematron where a processor is installed (returned as bool).

    Raises InvoiceNotIssuable with the messages of what is broken.
    """
    import facturx

    try:
        facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    except Exception as error:
        raise InvoiceNotIssuable(
            [InvoiceFieldError("xml", "xsd_invalid", f"XML refusé par le XSD : {error}")]
        ) from error
    broken = schematron.violations(xml)
    if broken:
        raise InvoiceNotIssuable(
            [
                InvoiceFieldError("xml", "schematron_invalid", f"Règle EN 16931 non respectée : {message}")
                for message in broken
            ]
        )
    return broken is not None


def issue(data: InvoiceData, *, assets: Mapping[str, bytes] | None = None) -> IssuedInvoice:
    """Checked Factur-X invoice: PDF/A-3 whose embedded `factur-x.xml` says the same as its pages.

    Raises InvoiceNotIssuable.
    """
    import facturx

    from coordinator.modules.invoicing.papers import render_invoice

    xml = build_xml(data)
    checked = check_xml(xml)
    kind = "Avoir" if data.kind is InvoiceKind.CREDIT_NOTE else "Facture"
    pdf = facturx.generate_from_binary(
        render_invoice(data, assets=assets),
        xml,
        flavor="factur-x",
        level="en16931",
        check_xsd=False,
        lang="fr",
        pdf_metadata={
            "author": data.seller.name,
            "keywords": f"{kind}, Factur-X",
            "title": f"{data.seller.name} : {kind} {data.number}",
            "subject": f"{kind} {data.number} du {data.issued_on:%d/%m/%Y}",
        },
    )
    return IssuedInvoice(pdf, xml, checked)


def extract_xml(pdf: bytes) -> bytes:
    """The embedded `factur-x.xml`. Raises ValueError when the PDF holds none."""
    import facturx

    name, xml = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=True)
    if not name:
        raise ValueError("Ce PDF ne contient pas de facture Factur-X.")
    return bytes(xml)
