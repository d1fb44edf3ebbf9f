//! What pages load from the site itself: the style sheet and the icon. Their links carry a hash of what is in them, so that a
//! browser keeps them until they change.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// The style sheet of every page.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("/assets/style.css", "text/css; charset=utf-8", include_str!("../../templates/style.css"))
});

/// The icon in a browser's tab.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("/assets/icon.svg", "image/svg+xml", include_str!("../../templates/icon.svg"))
});

/// One file that pages load.
pub(super) struct Asset {
    /// Its path on the site.
    pub path: &'static str,
    content_type: &'static str,
    content: &'static str,
    hash: String,
}

impl Asset {
    fn new(path: &'static str, content_type: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(content)[..8]);
        Self { path, content_type, content, hash }
    }

    /// Its path with the hash.
    pub(super) fn link(&self) -> String {
        format!("{}?v={}", self.path, self.hash)
    }

    /// The file, to be kept for a year: another content has another link.
    pub(super) fn response(&self) -> Response {
        let told = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (told, self.content).into_response()
    }
}
