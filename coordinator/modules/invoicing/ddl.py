"""Guards of issued invoices: what has a number never changes (ORD-30, ORD-42)."""

_FROZEN = (
    "number", "kind", "customer_id", "sales_order_id", "delivery_note_id", "credited_invoice_id", "issued_on", "due_on",
    "delivery_date", "po_number", "total_excl_tax", "vat_total", "total_incl_tax", "prepaid_amount", "validated_by_id",
    "validated_at", "document_version_id", "notes",
)  # fmt: skip
"""Columns of an issued invoice that nobody changes; status, payment and platform follow their lives."""

_OLD = ", ".join(f"OLD.{name}" for name in _FROZEN)
_NEW = ", ".join(f"NEW.{name}" for name in _FROZEN)

_INVOICE = f"""
CREATE FUNCTION invoice_is_final() RETURNS trigger LANGUAGE plpgsql AS $do$
BEGIN
    IF OLD.number IS NULL THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' OR ROW({_OLD}) IS DISTINCT FROM ROW({_NEW}) OR NEW.status IN ('draft', 'pending') THEN
        RAISE EXCEPTION 'invoice % is issued and does not change', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $do$
"""

_LINE = """
CREATE FUNCTION invoice_line_is_final() RETURNS trigger LANGUAGE plpgsql AS $do$
DECLARE
    issued varchar;
BEGIN
    SELECT number INTO issued FROM invoice
    WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.invoice_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.invoice_id END)
        AND number IS NOT NULL LIMIT 1;
    IF issued IS NOT NULL THEN
        RAISE EXCEPTION 'invoice % is issued and does not change', issued USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $do$
"""

STATEMENTS: list[str] = [
    _INVOICE,
    "CREATE TRIGGER invoice_final BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_is_final()",
    _LINE,
    "CREATE TRIGGER invoice_line_final BEFORE INSERT OR UPDATE OR DELETE ON invoice_line"
    " FOR EACH ROW EXECUTE FUNCTION invoice_line_is_final()",
    "CREATE TRIGGER invoice_deposit_final BEFORE INSERT OR UPDATE OR DELETE ON invoice_deposit"
    " FOR EACH ROW EXECUTE FUNCTION invoice_line_is_final()",
]
