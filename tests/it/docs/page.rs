//! The pages of the documentation, taken apart into prose and blocks of code. Knows as much of Markdown as these pages use.

use std::fs;
use std::path::{Path, PathBuf};

/// One page.
pub struct Page {
    /// From the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

/// A block of code.
pub struct Block {
    /// As its fence names it; empty for an indented block.
    pub language: String,
    pub text: String,
    /// Where it begins, as `PAGE:LINE`.
    pub place: String,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page: those of the root, and all below `docs` and `deploy`.
pub fn pages() -> Vec<Page> {
    let beside = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).expect("it is there").flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let mut files = beside(root());
    let mut directories = vec![root().join("docs"), root().join("deploy")];
    directories.retain(|directory| directory.is_dir());
    while let Some(directory) = directories.pop() {
        let (below, more): (Vec<_>, Vec<_>) = beside(&directory).into_iter().partition(|path| path.is_dir());
        directories.extend(below);
        files.extend(more);
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    assert!(files.len() > 15, "{files:?}");
    files.iter().map(|file| page(file)).collect()
}

/// The page at a path from the root of the repository.
pub fn page(path: &Path) -> Page {
    let path = path.strip_prefix(root()).unwrap_or(path).to_owned();
    let text = fs::read_to_string(root().join(&path)).expect("it can be read");
    Page { path, text }
}

impl Page {
    /// Blocks of code, fenced or indented, also in quotes and lists.
    pub fn blocks(&self) -> Vec<Block> {
        self.parts().1
    }

    /// All lines outside blocks of code.
    pub fn prose(&self) -> String {
        self.parts().0
    }

    fn parts(&self) -> (String, Vec<Block>) {
        let (mut prose, mut blocks, mut fence) = (String::new(), Vec::<Block>::new(), None);
        let mut after_blank = true;
        for (index, line) in self.text.lines().enumerate() {
            let line =
                line.strip_prefix('>').map_or(line, |quoted| quoted.strip_prefix(' ').unwrap_or(quoted));
            let indent = line.len() - line.trim_start().len();
            let place = || format!("{}:{}", self.path.display(), index + 1);
            let marked = line.trim_start().strip_prefix("```");
            let goes_on = blocks.last().is_some_and(|block| block.language.is_empty()) && !after_blank;
            match (fence, marked) {
                (Some(_), Some(_)) => fence = None,
                (Some(indent), None) => add(&mut blocks, line.get(indent..).unwrap_or_default()),
                (None, Some(language)) => {
                    let language = if language.is_empty() { "text" } else { language };
                    blocks.push(Block { language: language.to_owned(), text: String::new(), place: place() });
                    fence = Some(indent);
                }
                (None, None) if indent >= 4 && (after_blank || goes_on) => {
                    if !goes_on {
                        blocks.push(Block { language: String::new(), text: String::new(), place: place() });
                    }
                    add(&mut blocks, line.trim_start());
                    after_blank = false;
                    continue;
                }
                (None, None) => prose.extend([line, "\n"]),
            }
            after_blank = line.trim().is_empty();
        }
        assert!(fence.is_none(), "{} has a fence without end", self.path.display());
        (prose, blocks)
    }

    /// What stands between backticks in prose.
    pub fn code_spans(&self) -> Vec<String> {
        self.prose().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

fn add(blocks: &mut [Block], line: &str) {
    let block = blocks.last_mut().expect("a block has begun");
    block.text.extend([line, "\n"]);
}

#[test]
fn prose_and_blocks_are_told_apart() {
    let text = "a `b`\n\n```yaml\nx: `1`\n```\n\n    one\n    two\n\n> ```sh\n> three\n> ```\n1. c\n\n   ```sql\n   four\n   ```\nlast";
    let page = Page { path: PathBuf::from("p"), text: text.to_owned() };
    let blocks: Vec<_> =
        page.blocks().into_iter().map(|block| (block.language, block.text, block.place)).collect();
    let expected = [
        ("yaml", "x: `1`\n", "p:3"),
        ("", "one\ntwo\n", "p:7"),
        ("sh", "three\n", "p:10"),
        ("sql", "four\n", "p:15"),
    ];
    assert_eq!(blocks, expected.map(|(language, text, place)| (language.into(), text.into(), place.into())));
    assert_eq!(page.code_spans(), ["b"]);
    assert!(page.prose().contains("1. c") && page.prose().ends_with("last\n"));
}
