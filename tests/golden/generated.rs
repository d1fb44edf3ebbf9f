//! Parts of the documentation that are made from the code: a page holds between two marks exactly what was made. Shared by
//! the tests of the library and of the program.

use std::path::Path;

/// Holds the part `part` of `docs/PAGE` to `made`, or writes it there if the environment has `UPDATE`. Parts of one page
/// belong to one test, since a page is written whole.
///
/// # Panics
/// Where the page has no such part, or another text in it.
pub fn hold(page: &str, part: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let begin = format!("<!-- from the code: {part} -->\n");
    let (before, rest) = text.split_once(&begin).expect("the page has the mark of the part");
    let (shown, after) = rest.split_once("<!-- end -->\n").expect("the part has an end");
    let made = format!("\n{}\n\n", made.trim());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{begin}{made}<!-- end -->\n{after}"))
            .expect("it can be written");
        return;
    }
    let differs = made.lines().zip(shown.lines()).find(|(made, shown)| made != shown);
    assert!(made == shown, "docs/{page} is not what the code says; UPDATE=1 writes it anew. {differs:#?}");
}
