//! Answers that hold keys: in Alibaba Cloud's spelling and in Huawei Cloud's, and when what they give ends. Every message says
//! what is missing, never what is there.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use super::Identity;
use crate::cloud::told;
use crate::cloud::transport::Answer;
use crate::config::{Keys, Secret};
use crate::error::{FailureKind, FetchError};

/// Largest answer; all that is expected is a few kilobytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The times that are compared have whole seconds, and a call takes time to arrive.
const MARGIN: Duration = Duration::from_secs(1);

/// An identity that was just had.
pub(super) struct Fresh {
    pub identity: Identity,
    /// When it ends, by the clock of whoever issued it; none: it lasts.
    pub ends_at: Option<Timestamp>,
    /// When its life began and how long it is.
    pub life: Option<(Instant, Duration)>,
    /// Whether asking again may give another one.
    pub temporary: bool,
}

/// When something was issued: by this machine's timer, and by the clock of the issuer.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub at: Instant,
    pub time: Timestamp,
}

impl Moment {
    /// That of an answer; `now` where it does not say.
    pub fn of(answer: &Answer, now: Timestamp) -> Self {
        Self { at: answer.written, time: told::date(&answer.headers).unwrap_or(now) }
    }
}

impl Fresh {
    /// Temporary keys or a token, issued at `moment`.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] where it has ended already.
    pub fn issued(
        what: &str,
        identity: Identity,
        ends_at: Option<Timestamp>,
        moment: Moment,
    ) -> Result<Self, FetchError> {
        let life = ends_at.map(|ends_at| {
            let left = Duration::try_from(ends_at.duration_since(moment.time)).unwrap_or_default();
            (moment.at, left.saturating_sub(MARGIN + (left / 10).min(MARGIN)))
        });
        if life.is_some_and(|(_, life)| life.is_zero()) {
            let ago = ends_at.map_or(SignedDuration::ZERO, |ends_at| moment.time.duration_since(ends_at));
            let seconds = ago.as_secs();
            return Err(FetchError::new(
                FailureKind::Auth,
                format!(
                    "{what}: what it gave ended {seconds} s ago; look why it is not renewed there, and at the clocks"
                ),
            ));
        }
        Ok(Self { identity, ends_at, life, temporary: true })
    }

    /// Keys that last.
    pub fn lasting(keys: Keys) -> Self {
        Self { identity: Identity::Keys(keys), ends_at: None, life: None, temporary: false }
    }
}

/// Names of key id, secret, token and end, each in the spellings that are known.
pub(super) struct Spelling {
    pub id: &'static [&'static str],
    pub secret: &'static [&'static str],
    pub token: &'static [&'static str],
    pub end: &'static [&'static str],
}

/// STS, metadata and credentials URI of Alibaba Cloud.
pub(super) const ALIBABA: Spelling = Spelling {
    id: &["AccessKeyId"],
    secret: &["AccessKeySecret"],
    token: &["SecurityToken"],
    end: &["Expiration"],
};

/// What a program of Alibaba Cloud's command line prints.
pub(super) const PRINTED: Spelling = Spelling {
    id: &["access_key_id"],
    secret: &["access_key_secret"],
    token: &["sts_token"],
    end: &["expiration"],
};

/// IAM and metadata of Huawei Cloud; its SDK takes all of them.
pub(super) const HUAWEI: Spelling = Spelling {
    id: &["access", "accessKeyId", "access_key_id"],
    secret: &["secret", "secretAccessKey", "secret_access_key"],
    token: &["securitytoken", "securityToken", "security_token"],
    end: &["expires_at", "expiration"],
};

impl Spelling {
    /// The keys in `object`, and when they end, if they do.
    ///
    /// # Errors
    /// [`FailureKind::BadResponse`] where a name is missing, or a value cannot be sent.
    pub fn read(&self, what: &str, object: &Value) -> Result<(Keys, Option<Timestamp>), FetchError> {
        let find = |names: &[&str]| {
            names.iter().find_map(|name| object.get(name)?.as_str().filter(|text| !text.is_empty()))
        };
        let needed = |names: &[&str]| {
            let fits = |text: &&str| text.chars().all(|c| c.is_ascii_graphic());
            find(names).filter(fits).ok_or_else(|| bad(what, &format!("no usable {}", names[0])))
        };
        let keys = Keys {
            access_key_id: Secret::new(needed(self.id)?),
            access_key_secret: Secret::new(needed(self.secret)?),
            security_token: match find(self.token) {
                Some(_) => Some(Secret::new(needed(self.token)?)),
                None => None,
            },
        };
        let end = match find(self.end) {
            Some(text) => Some(time(text).ok_or_else(|| bad(what, &format!("{} is no time", self.end[0])))?),
            None => None,
        };
        Ok((keys, end))
    }
}

/// An answer as JSON.
pub(super) fn json(what: &str, body: &[u8]) -> Result<Value, FetchError> {
    // The parser's own message may repeat a value.
    serde_json::from_slice(body).map_err(|_| bad(what, "not JSON"))
}

/// Not the documented answer.
pub(super) fn bad(what: &str, why: &str) -> FetchError {
    FetchError::new(FailureKind::BadResponse, format!("{what}: {why}; is this the right service?"))
}

/// `2026-01-02T03:04:05Z` with or without a fraction, and without the `Z`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let civil = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(civil)
}
