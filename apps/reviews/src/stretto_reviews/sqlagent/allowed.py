"""What a statement may be made of: kinds of clauses with their parts, operators, functions and types. Nothing else may."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

CLAUSES: Mapping[type[exp.Expr], frozenset[str]] = {
    kind: frozenset(parts.split())
    for kind, parts in {
        exp.Select: "expressions distinct from_ joins where group having order limit offset windows with_",
        exp.Union: "this expression distinct order limit offset with_",
        exp.Intersect: "this expression distinct order limit offset with_",
        exp.Except: "this expression distinct order limit offset with_",
        exp.Subquery: "this alias order limit offset",
        exp.With: "expressions",
        exp.CTE: "this alias materialized",
        exp.From: "this",
        exp.Join: "this on using side kind",
        exp.Table: "this db alias",
        exp.TableAlias: "this columns",
        exp.Lateral: "this alias",
        exp.Unnest: "expressions alias",
        exp.Where: "this",
        exp.Group: "expressions",
        exp.Having: "this",
        exp.Order: "expressions",
        exp.Ordered: "this desc nulls_first",
        exp.Limit: "expression",
        exp.Fetch: "direction count limit_options",
        exp.LimitOptions: "rows",
        exp.Offset: "expression",
        exp.Distinct: "expressions on",
        exp.Alias: "this alias",
        exp.Column: "this table",
        exp.Identifier: "this quoted",
        exp.Literal: "this is_string",
        exp.Star: "",
        exp.Var: "this",
        exp.DataType: "this expressions nested",
        exp.DataTypeParam: "this",
        exp.Interval: "this unit",
        exp.Window: "this partition_by order spec alias over",
        exp.WindowSpec: "kind start start_side end end_side",
        exp.Filter: "this expression",
        exp.WithinGroup: "this expression",
        exp.Explode: "this",
        exp.Tuple: "expressions",
    }.items()
}
"""The clauses, with the parts that each may have."""

OPERATORS: frozenset[type[exp.Expr]] = frozenset({
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv, exp.Neg, exp.Paren, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT,
    exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.In, exp.Exists, exp.Like, exp.ILike, exp.Any,
    exp.All, exp.Case, exp.If, exp.Null, exp.Boolean, exp.DPipe, exp.AtTimeZone, exp.ArrayContainsAll, exp.ArrayOverlaps, exp.Array,
    exp.Cast,
})  # fmt: skip
"""The operators, and what reads like one."""

FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({
    # of many rows
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr,
    exp.PercentileCont, exp.PercentileDisc, exp.Mode, exp.LogicalAnd, exp.LogicalOr,
    # over windows
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    # of time
    exp.CurrentTimestamp, exp.CurrentDate, exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.TimeToStr, exp.ToChar,
    # of text
    exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Left, exp.Right, exp.Substring, exp.StrPosition, exp.SplitPart, exp.Concat,
    exp.ConcatWs, exp.Initcap,
    # of numbers
    exp.Abs, exp.Round, exp.Ceil, exp.Floor, exp.Sqrt, exp.Ln, exp.Sign, exp.WidthBucket, exp.Greatest, exp.Least, exp.Trunc,
    # of what may be missing, and of lists
    exp.Coalesce, exp.Nullif, exp.ArraySize, exp.ArrayToString,
})  # fmt: skip
"""The functions that sqlglot knows by name."""

NAMED_FUNCTIONS = frozenset(
    {"age", "make_date", "cardinality", "to_date", "bool_and", "bool_or", "regr_slope", "array_position"}
)
"""The functions that it does not."""

GROWING = (exp.DPipe, exp.Concat, exp.ConcatWs, exp.ArrayToString)
"""What makes long texts of short ones."""

FUNCTIONS_SAID = (
    "There are: count, sum, avg, min, max, stddev, corr, percentile_cont, mode; row_number, rank, lag, lead and other window functions; "
    "now, current_date, date_trunc, extract, age, to_char; lower, upper, trim, length, left, right, substring, position, concat; "
    "round, abs, ceil, floor, trunc, greatest, least; coalesce, nullif, cardinality, unnest."
)

TYPES = frozenset({
    exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.DECIMAL,
    exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.TIME, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ,
    exp.DType.INTERVAL, exp.DType.UUID,
})  # fmt: skip
"""The types that a value may be cast to."""

REFUSED: Mapping[type[exp.Expr], str] = {
    exp.Parameter: "A parameter",
    exp.Placeholder: "A placeholder",
    exp.ByteString: "A string written E'…'",
    exp.UnicodeString: "A string written U&'…'",
    exp.RawString: "A string written $$…$$",
    exp.BitString: "A string of bits",
    exp.HexString: "A string of hexadecimal digits",
    exp.National: "A string written N'…'",
    exp.Into: "INTO",
    exp.Lock: "A locking clause such as FOR UPDATE",
    exp.ObjectIdentifier: "A cast to a reg… type",
    exp.Values: "VALUES",
    exp.Dot: "A part of a composite value",
    exp.TableSample: "TABLESAMPLE",
    exp.GroupingSets: "GROUPING SETS",
    exp.Cube: "CUBE",
    exp.Rollup: "ROLLUP",
    exp.RegexpLike: "A regular expression",
    exp.RegexpILike: "A regular expression",
    exp.SimilarTo: "SIMILAR TO",
}
"""How to call what is refused, where its kind's name would not say it."""
