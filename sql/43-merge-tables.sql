/* History in any table of any user. */

CREATE FUNCTION medallion.scd2_merge(target regclass, source regclass, business_keys text[], options jsonb DEFAULT '{}',
	OUT inserted bigint, OUT expired bigint, OUT withdrawn bigint, OUT conflicts bigint)
RETURNS record LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_scd2_merge';
COMMENT ON FUNCTION medallion.scd2_merge(regclass, regclass, text[], jsonb) IS
'Takes the rows of source into the history that target keeps, as features do: late, repeated and deleting rows included. target has columns valid_from and valid_to, and may have is_current, version, _business_key_hash and _value_hash (uuid). options: see docs/options.md. Returns the versions inserted, those that ended, those withdrawn because they fold otherwise now, and ties of differing rows. May read source twice: what others commit in between is taken as far as it was seen, the rest by the next merge; under REPEATABLE READ it is one view. Locks target against other writers until the transaction ends; makes tables beside it, and drops them. Raises for NULL in business_keys or sequence_by.';
