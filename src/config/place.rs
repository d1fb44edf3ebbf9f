//! A place in the file: its path for messages, the environment for `${NAME}`, and where problems and warnings are collected.
//! Every reader here notes what is wrong and goes on with `None`, so that one run finds all errors of meaning. Knows no key.

use std::cell::RefCell;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::marks::Marks;
use super::raw::{Leaf, variable};
use super::wording::{near, one_line, quoted};
use super::{ConfigError, Environment};

/// What one check of a file finds, and what it may ask.
pub(super) struct Findings<'a> {
    /// Environment variables by name.
    pub env: &'a Environment<'a>,
    /// Directory that relative paths start from.
    pub directory: &'a Path,
    /// Files that were read, or should have been.
    pub files: RefCell<Vec<PathBuf>>,
    /// Errors of meaning in the order in which they were found: their paths, and what they are.
    pub problems: RefCell<Vec<(String, String)>>,
    /// What works, but probably not as meant.
    pub warnings: RefCell<Vec<String>>,
}

impl<'a> Findings<'a> {
    /// Nothing yet, of `file`.
    pub fn of(file: &'a Path, env: &'a Environment) -> Self {
        Self {
            env,
            directory: file.parent().unwrap_or(Path::new("")),
            files: RefCell::default(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// Warnings, and the files that were read; or the error that all problems of `text` make, each with its line and column.
    pub fn conclude(self, file: &Path, text: &str) -> Result<(Vec<String>, Vec<PathBuf>), ConfigError> {
        let (problems, files) = (self.problems.into_inner(), self.files.into_inner());
        if problems.is_empty() {
            return Ok((self.warnings.into_inner(), files));
        }
        let marks = Marks::of(text);
        let line = |(path, problem): (String, String)| match marks.position(&path) {
            Some((line, column)) => format!("{line}:{column}: {path}: {problem}"),
            None => format!(" {path}: {problem}"),
        };
        let error = ConfigError::new(file, problems.into_iter().map(line));
        Err(ConfigError { files, ..error })
    }
}

/// One key or list item of the file.
#[derive(Clone)]
pub(super) struct Place<'a> {
    path: String,
    findings: &'a Findings<'a>,
}

impl<'a> Place<'a> {
    /// The top of the file.
    pub fn root(findings: &'a Findings<'a>) -> Self {
        Self { path: String::new(), findings }
    }

    /// A key of the map here.
    pub fn key(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{key}", self.path), findings: self.findings }
    }

    /// An item of the list here, counted from 0.
    pub fn item(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), findings: self.findings }
    }

    /// The path, like `instances[3].account`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes an error of meaning.
    pub fn problem(&self, text: impl Display) {
        self.findings.problems.borrow_mut().push((self.path.clone(), text.to_string()));
    }

    /// Notes something that works, but probably not as meant.
    pub fn warn(&self, text: impl Display) {
        self.findings.warnings.borrow_mut().push(one_line(&format!("{}: {text}", self.path)));
    }

    /// Notes a key that must not stand here.
    pub fn refuse(&self, given: bool, why: &str) {
        if given {
            self.problem(why);
        }
    }

    /// An environment variable, unless it is empty.
    pub fn env(&self, name: &str) -> Option<String> {
        (self.findings.env)(name).filter(|value| !value.is_empty())
    }

    /// A path of the file, made independent of the working directory; what it leads to is part of the configuration.
    pub fn resolve(&self, relative: &str) -> PathBuf {
        let path = self.findings.directory.join(relative);
        self.findings.files.borrow_mut().push(path.clone());
        path
    }

    /// The same for a file that is not part of the configuration: it may change at any time.
    pub fn beside(&self, relative: &str) -> PathBuf {
        self.findings.directory.join(relative)
    }

    /// A path in the home directory; none where there is no home.
    pub fn home(&self, relative: &str) -> Option<PathBuf> {
        let home = self.env("HOME")?;
        Some(self.resolve(&format!("{}/{relative}", home.trim_end_matches('/'))))
    }

    /// The value of an environment variable as `parse` understands it; `parse` must not repeat the value in its error.
    pub fn parsed_env<T, E: Display>(
        &self,
        name: &str,
        value: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(value)
            .map_err(|error| self.problem(format_args!("{name}, taken from the environment, {error}")))
            .ok()
    }

    /// The value, with `${NAME}` replaced; `None` if there is none, or if the problem is noted.
    pub fn text(&self, leaf: &Leaf) -> Option<String> {
        let written = leaf.0.as_deref()?;
        let value = match variable(written) {
            None => written.to_owned(),
            Some(name) => {
                let value = (self.findings.env)(name);
                if value.is_none() {
                    self.problem(format_args!("the environment variable {name} is not set"));
                }
                value?
            }
        };
        self.refuse(value.is_empty(), "must not be empty");
        Some(value).filter(|value| !value.is_empty())
    }

    /// The value as `parse` understands it; `parse` must not repeat the value in its error.
    pub fn parsed<T, E: Display>(&self, leaf: &Leaf, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        parse(&self.text(leaf)?).map_err(|error| self.problem(error)).ok()
    }

    /// Like [`Place::parsed`], but notes a missing value.
    pub fn required<T, E: Display>(
        &self,
        leaf: &Leaf,
        remedy: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.refuse(leaf.0.is_none(), &format!("missing; {remedy}"));
        self.parsed(leaf, parse)
    }

    /// One of a set of names; tells the one that was probably meant. Shows what the file says, never what a variable holds.
    pub fn pick<T: Copy>(&self, leaf: &Leaf, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.text(leaf)?;
        let names = || choices.iter().map(|choice| choice.0);
        let found = choices.iter().find(|choice| choice.0 == value);
        if found.is_none() {
            let written = quoted(leaf.0.as_deref().unwrap_or_default());
            let known = match near(&value, names()) {
                Some(meant) => format!("did you mean {}?", quoted(meant)),
                None if choices.is_empty() => "none is configured".to_owned(),
                None => format!("choose from {}", names().map(quoted).collect::<Vec<_>>().join(", ")),
            };
            self.problem(format_args!("no {what} {written}; {known}"));
        }
        found.map(|choice| choice.1)
    }

    /// A list of different values; empty if left out.
    pub fn list<E: Display>(
        &self,
        leaves: &[Leaf],
        parse: impl Fn(&str) -> Result<String, E>,
    ) -> Vec<String> {
        let mut values = Vec::with_capacity(leaves.len());
        for (index, leaf) in leaves.iter().enumerate() {
            let item = self.item(index);
            match item.required(leaf, "remove the item or give it a value", &parse) {
                Some(value) if values.contains(&value) => item.problem("stands in this list already"),
                value => values.extend(value),
            }
        }
        values
    }
}
