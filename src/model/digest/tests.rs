//! Digests of statements of every kind, whole and cut off.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[test]
fn literals_are_replaced_and_the_rest_stays() {
    for (statement, expected) in [
        ("SELECT *  FROM t\n WHERE id = 42", "SELECT * FROM t WHERE id = ?"),
        ("select 'it\\'s', \"a\"\"b\", '' from t", "select ?, ?, ? from t"),
        ("select 'it''s' 'two'", "select ? ?"),
        (
            "select -1.5e-10, .5, 1.e3, 0x4D, 0b01, x'4D', B'01', N'ä', _utf8mb4'x'",
            "select -?, ?, ?, ?, ?, ?, ?, ?, _utf8mb4?",
        ),
        ("select DATE '2026-01-01', {ts '2026-01-01 00:00:00'}", "select DATE ?, {ts ?}"),
        (
            "select `a'b`.`c``d`, t1.c2 from `shop`.`orders` o",
            "select `a'b`.`c``d`, t1.c2 from `shop`.`orders` o",
        ),
        ("select 1 -- note 'a' \n, 2 # more\n, 3 /* 'x */ + 4", "select ? , ? , ? + ?"),
        ("select /*+ MAX_EXECUTION_TIME(1000) */ a--1", "select a--?"),
        (
            "select * from t where id in (1, 2,3) and x in ('a') and y in (-1,+2)",
            "select * from t where id in (...) and x in (?) and y in (...)",
        ),
        ("insert into t values (1,'a'),(2,'b') , (3, 'c')", "insert into t values (...)"),
        ("insert into t values (1), (2), (NULL)", "insert into t values (?), (NULL)"),
        (
            "update t set a = NULL, b = true, @v := 'x', @'odd' = 5",
            "update t set a = NULL, b = true, @v := ?, @? = ?",
        ),
        ("select f(g(1, 2), count(*))", "select f(g(...), count(*))"),
        ("create user u identified by 'secret'", "create user u identified by ?"),
        (
            "create function f() returns int as $js$ return 'secret' $js$ ;",
            "create function f() returns int as ? ;",
        ),
        ("SELECT größe FROM bestände", "SELECT größe FROM bestände"),
        ("", ""),
        ("--", ""),
        (" /* nothing */ ", ""),
    ] {
        assert_eq!(digest(statement), expected, "{statement}");
    }
}

#[test]
fn what_was_cut_off_is_a_literal_to_the_end() {
    for (statement, expected) in [
        ("select 'sec", "select ?"),
        ("select 'sec\\", "select ?"),
        ("select x'4D", "select ?"),
        ("select * from t where a in ('x', 'sec", "select * from t where a in (...)"),
        ("select * from t where a in (1, 2,", "select * from t where a in (...)"),
        ("select f(", "select f("),
        ("select a /* sec", "select a"),
        ("select `tab", "select `tab"),
    ] {
        assert_eq!(digest(statement), expected, "{statement}");
    }
}

#[test]
fn a_digest_is_bounded() {
    let long = format!("select {} from t", "größe, ".repeat(1000));
    let digest = digest(&long);
    assert!(digest.len() <= MAX_BYTES && digest.len() > MAX_BYTES - 8 && digest.ends_with('…'));
}

/// A literal that holds nothing but what [`gives_away`] knows, but for its quotes and prefix.
fn literal() -> impl Strategy<Value = String> {
    let inside = "([Z9 ,()#;]|--|/\\*|\\*/|`|\\\\\\\\|\\\\'|\\\\\"|''){0,12}";
    let other = "([Z9 ,()#;]|--|/\\*|\\*/|`|\\\\\\\\|\\\\'|\\\\\"|\"\"){0,12}";
    prop_oneof![
        (select(&["", "x", "X", "b", "N", "_utf8mb4", "date ", "@"][..]), inside)
            .prop_map(|(p, s)| format!("{p}'{s}'")),
        other.prop_map(|s| format!("\"{s}\"")),
        "[-+]?9{1,5}(\\.9{0,3})?([eE][-+]?9{1,2})?",
        "\\.9{1,4}",
        "0x9{1,9}",
        "0X[9aA]{1,9}9",
        "/\\*[Z9 '\"]{0,9}\\*/",
        "(#|-- )[Z9 '\"`]{0,9}\n",
        "\\$(a)?\\$[Z9 '\"`]{0,9}\\$(a)?\\$"
            .prop_filter("both tags are the same", |s| s.matches("$a$").count() != 1),
    ]
}

/// Whether a text holds what stands in literals and comments alone.
fn gives_away(text: &str) -> bool {
    text.contains(['Z', '9'])
}

proptest! {
    #[test]
    fn no_literal_survives_however_a_statement_is_cut(
        parts in proptest::collection::vec((select(&["select", "a.b", "=", "in (", ")", ",", "`t'u`", "größe", "(", "and", ";", "*", "{d"][..]), literal()), 0..12),
        cut: proptest::sample::Index,
    ) {
        let statement: String = parts.iter().flat_map(|(text, literal)| [*text, " ", literal, " "]).collect();
        let whole = digest(&statement);
        prop_assert!(!gives_away(&whole), "{statement} gives {whole}");
        let cut = statement.floor_char_boundary(cut.index(statement.len() + 1));
        let part = digest(&statement[..cut]);
        prop_assert!(!gives_away(&part), "{} gives {part}", &statement[..cut]);
    }

    #[test]
    fn anything_has_a_digest(text in "\\PC{0,80}") {
        let once = digest(&text);
        prop_assert!(once.len() <= MAX_BYTES);
    }
}
