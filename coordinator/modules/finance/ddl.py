"""Guard of the ledger: a validated or rejected entry never changes (FIN-14)."""

STATEMENTS: list[str] = [
    """
CREATE FUNCTION finance_transaction_is_final() RETURNS trigger LANGUAGE plpgsql AS $do$
BEGIN
    IF OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'finance transaction % is % and does not change', OLD.id, OLD.status
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $do$
""",
    "CREATE TRIGGER finance_transaction_final BEFORE UPDATE OR DELETE ON finance_transaction"
    " FOR EACH ROW EXECUTE FUNCTION finance_transaction_is_final()",
]
