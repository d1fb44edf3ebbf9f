//! Every link inside the repository leads to a file that is there, and to a heading that it has.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::page::{Page, page, pages, root};

/// Targets of the links in a page's prose that stay inside the repository.
fn links(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|&c| c.is_alphanumeric() || " -_".contains(c))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let headings = page.prose();
    headings
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// `a/../b` as `b`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
        plain
    })
}

/// The page that a link leads to, and the anchor in it.
fn resolved<'a>(from: &Page, link: &'a str) -> (PathBuf, &'a str) {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let directory = from.path.parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { from.path.clone() } else { plain(&directory.join(file)) };
    (path, anchor)
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for from in pages() {
        for link in links(&from) {
            let (path, anchor) = resolved(&from, &link);
            assert!(root().join(&path).exists(), "{}: {link} is not there", from.path.display());
            let has = anchor.is_empty() || anchors(&page(&path)).contains(anchor);
            assert!(has, "{}: {link} has no such heading", from.path.display());
            followed += 1;
        }
    }
    assert!(followed > 40, "only {followed} links were found");
}

#[test]
fn every_page_can_be_reached_from_the_front_page() {
    let mut reached = BTreeSet::from([PathBuf::from("README.md")]);
    let mut ahead = vec![PathBuf::from("README.md")];
    while let Some(from) = ahead.pop().map(|path| page(&path)) {
        for link in links(&from) {
            let (path, _) = resolved(&from, &link);
            if path.extension().is_some_and(|extension| extension == "md") && reached.insert(path.clone()) {
                ahead.push(path);
            }
        }
    }
    let lost: Vec<_> =
        pages().into_iter().map(|page| page.path).filter(|path| !reached.contains(path)).collect();
    assert_eq!(lost, Vec::<PathBuf>::new());
}
