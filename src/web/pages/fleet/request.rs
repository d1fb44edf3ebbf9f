//! What the page of the fleet is asked for: which targets, in which order, which part of them; and links that ask for the same
//! with one thing changed. What is not understood is as if it were not there.

use serde::Deserialize;

use super::columns::Column;
use crate::store::TargetStatus;
use crate::web::links::{Links, segment};

/// The query of the page, as it came.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Query {
    q: String,
    sort: String,
    order: String,
    page: String,
}

/// What the query means.
#[derive(Clone)]
pub(super) struct Request {
    /// Words that a target must have, all of them.
    pub filter: String,
    /// Column, and whether the greatest comes first; `None`: as configured.
    pub sort: Option<(&'static Column, bool)>,
    /// The first is 1.
    pub page: usize,
}

impl From<Query> for Request {
    fn from(query: Query) -> Self {
        let sort = Column::named(&query.sort).map(|column| {
            let descending = match query.order.as_str() {
                "asc" => false,
                "desc" => true,
                _ => column.is_number(),
            };
            (column, descending)
        });
        Self { filter: query.q.trim().to_owned(), sort, page: query.page.parse().unwrap_or(1).max(1) }
    }
}

impl Request {
    /// Whether a target has all the words of the filter: in its name, id, account, cloud, region, its labels as `name=value`, its
    /// state as `state:up` or the reason of its last failure.
    pub(super) fn wants(&self, status: &TargetStatus) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let text = text(status).to_lowercase();
        self.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// The link that sorts by `column`: the other way round where it does already.
    pub(super) fn sorted_by(&self, column: &'static Column, links: &Links) -> String {
        let descending = match self.sort {
            Some((now, descending)) if now.name == column.name => !descending,
            _ => column.is_number(),
        };
        Self { sort: Some((column, descending)), page: 1, ..self.clone() }.link(links)
    }

    pub(super) fn filtered_by(&self, filter: &str, links: &Links) -> String {
        Self { filter: filter.to_owned(), page: 1, ..self.clone() }.link(links)
    }

    pub(super) fn at_page(&self, page: usize, links: &Links) -> String {
        Self { page, ..self.clone() }.link(links)
    }

    /// `sort` and `order`, where they are given.
    pub(super) fn order(&self) -> Option<(&'static str, &'static str)> {
        self.sort.map(|(column, descending)| (column.name, if descending { "desc" } else { "asc" }))
    }

    fn link(&self, links: &Links) -> String {
        let mut parts = Vec::new();
        if !self.filter.is_empty() {
            parts.push(format!("q={}", segment(&self.filter)));
        }
        if let Some((sort, order)) = self.order() {
            parts.push(format!("sort={sort}&order={order}"));
        }
        if self.page > 1 {
            parts.push(format!("page={}", self.page));
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        links.to(&format!("/{query}"))
    }
}

fn text(status: &TargetStatus) -> String {
    let (target, account) = (&status.target, &status.target.account);
    let mut text = format!("state:{}", status.state.label());
    let names = [target.name.as_deref(), account.region.as_deref()].into_iter().flatten();
    let more = [account.name.as_str(), account.provider.label(), target.service.label()];
    let reason = status.error.as_ref().map(|last| last.error.kind.label());
    for word in names.chain(more).chain(reason).chain([target.id().as_str()]) {
        text.extend([" ", word]);
    }
    for (name, value) in &target.labels {
        text.extend([" ", name, "=", value]);
    }
    text
}
