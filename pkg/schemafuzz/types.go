package schemafuzz

// columnType is a column type with the few values used for it: few, so that users of all sites meet.
type columnType struct {
	sql    string
	values []string // as SQL; no two are the same for the server
	spelt  []string // other spellings of one of the values
}

// plainKeys are the types of keys without the kind Types.
var plainKeys = []columnType{
	{sql: "INT", values: []string{"1", "2", "3", "4", "5", "6", "7"}},
	{sql: "BIGINT", values: []string{"-1", "0", "1", "10", "9", "100"}},
	{sql: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", values: []string{"'a'", "'b'", "'c'", "'d'", "'e'"}},
}

// keyTypes are all other types of keys, with values at their limits, and values that another order
// or comparison takes for equal.
var keyTypes = []columnType{
	{sql: "INT UNSIGNED", values: []string{"0", "1", "2", "10", "4294967295"}},
	{sql: "BIGINT", values: []string{"-9223372036854775808", "-1", "9007199254740992", "9007199254740993", "9223372036854775807"}},
	{sql: "BIGINT UNSIGNED", values: []string{"0", "9", "10", "9007199254740993", "18446744073709551614", "18446744073709551615"}},
	{sql: "TINYINT", values: []string{"-128", "-1", "0", "9", "10", "127"}},
	{sql: "DECIMAL(30,0)", values: []string{"9007199254740992", "9007199254740993", "9007199254740994", "123456789012345678901234567890", "-123456789012345678901234567890"}},
	{sql: "DECIMAL(20,4)", values: []string{"0.0001", "1.5", "-1.5", "10", "9007199254740.9931", "9999999999999999.9999"}},
	{sql: "ENUM('zz','b','a','10','9','')", values: []string{"'zz'", "'b'", "'a'", "'10'", "'9'", "''"}},
	{sql: "SET('x','a','m')", values: []string{"''", "'x'", "'a'", "'x,a'", "'x,a,m'"}},
	{sql: "DATE", values: []string{"'1000-01-01'", "'2024-02-29'", "'2024-03-01'", "'9999-12-31'"}},
	{sql: "DATETIME(6)", values: []string{"'1000-01-01 00:00:00'", "'2024-02-29 23:59:59.999999'", "'2024-03-01 00:00:00'", "'9999-12-31 23:59:59.999999'"}},
	{sql: "DATETIME", values: []string{"'1000-01-01 00:00:00'", "'2024-02-29 23:59:59'", "'9999-12-31 23:59:59'"}},
	{sql: "TIMESTAMP(6)", values: []string{"'1970-01-03 00:00:00'", "'2024-02-29 23:59:59.999999'", "'2024-03-01 00:00:00.1'", "'2037-12-31 12:00:00'"}},
	{sql: "TIMESTAMP", values: []string{"'1970-01-03 00:00:00'", "'2024-03-01 00:00:00'", "'2037-12-31 12:00:00'"}},
	{sql: "TIME(3)", values: []string{"'-838:59:58.999'", "'-00:00:00.001'", "'00:00:00'", "'9:00:00'", "'100:00:00'", "'838:59:58.999'"}},
	{sql: "YEAR", values: []string{"'0000'", "1901", "2000", "2155"}},
	{sql: "BIT(40)", values: []string{"0", "9", "10", "49", "1099511627775"}},
	{sql: "BINARY(4)", values: []string{"X'00000000'", "X'61000000'", "X'FF200020'", "X'2C5C2C00'"}},
	{sql: "VARBINARY(120)", values: []string{"''", "X'00'", "X'2000'", "X'C3'", "'a'", "'A'", "REPEAT(X'FF', 80)", "CONCAT(REPEAT(X'FF', 80), 'x')"}},
	{sql: "VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		values: []string{"''", "'a'", "'A'", "'a,b'", `'\\'`, "'10'", "'9'", "'äß😀'", "REPEAT('k', 70)", "CONCAT(REPEAT('k', 70), 'x')"}},
	{sql: "CHAR(12) CHARACTER SET latin1 COLLATE latin1_bin", values: []string{"''", "'a'", "'A'", "'ä'", "'ÿ'", "'a,b'"}},
	{sql: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
		values: []string{"'bob'", "'eve'", "''", "'a,b'", "'Zoë'", "'10'"}, spelt: []string{"'Bob'", "'BÓB'", "'bob '", "'ÈVE'", "'zoe'"}},
	{sql: "CHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
		values: []string{"'bob'", "'eve'", "''", "'strasse'"}, spelt: []string{"'Bob'", "'béb'", "'straße'"}},
	{sql: "VARCHAR(12) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
		values: []string{"'bob'", "'eve'", "'z'"}, spelt: []string{"'BOB'", "'éve'", "'Z '"}},
}

// dataTypes are those of columns that are in no key.
var dataTypes = []columnType{
	{sql: "INT", values: []string{"0", "1", "-5"}},
	{sql: "DECIMAL(12,4)", values: []string{"0", "1.2345", "-99999999.9999"}},
	{sql: "DOUBLE", values: []string{"0", "0.1", "-1.7976931348623157e308"}},
	{sql: "VARCHAR(40) CHARACTER SET utf8mb4", values: []string{"''", "'x '", "'Grüße 😀'", `'it''s "quoted" \\'`}},
	{sql: "TEXT CHARACTER SET utf8mb4", values: []string{"''", "REPEAT('ä', 500)"}},
	{sql: "BLOB", values: []string{"''", "X'00FF0A'"}},
	{sql: "JSON", values: []string{`'{"a": [1, 2.5, null]}'`, `'[]'`}},
	{sql: "DATETIME(6)", values: []string{"'2024-02-29 23:59:59.999999'", "'1000-01-01'"}},
	{sql: "TIMESTAMP(6) NULL", values: []string{"'2024-02-29 23:59:59.999999'", "'2037-12-31'"}},
	{sql: "ENUM('zz','b','a')", values: []string{"'zz'", "'a'"}},
	{sql: "BIT(9)", values: []string{"0", "511"}},
}
