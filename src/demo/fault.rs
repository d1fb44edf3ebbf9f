//! What can go wrong with a cloud: each kind of fault is a variant, and one table says what it makes of a good answer.

use std::time::Duration;

use bytes::Bytes;

use super::refusal::Refusal;
use super::wire::{Answer, Payload};

/// A fault of every call about one instance, for as long as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The cloud refuses with one of its own errors.
    Refuse(Refusal),
    /// Any answer at all.
    Status {
        /// HTTP status.
        status: u16,
        /// Headers; without a content type it is JSON.
        headers: Vec<(String, String)>,
        /// Body.
        body: String,
    },
    /// A load balancer's error page with status 502.
    Html,
    /// The right status and no body.
    Empty,
    /// The first half of the answer, its length announced rightly.
    Truncated,
    /// The first half of the bytes announced; then the connection is closed.
    ShortBody,
    /// The connection is reset instead of an answer.
    Reset,
    /// No answer, ever.
    Hang,
    /// The right answer, a byte each second.
    Drip,
    /// The right answer, later.
    Delay(Duration),
    /// JSON of the right names and the wrong types.
    WrongTypes,
    /// Bytes that are no text.
    Garbage,
    /// Status 302 to this place.
    Redirect(String),
    /// The right answer after at least this many bytes of white space.
    Huge(usize),
    /// The right answer, compressed.
    Gzip,
    /// The right answer after at least this many bytes of white space, compressed to a thousandth.
    GzipBomb(usize),
    /// Alibaba's session query never finishes; other calls are well.
    EndlessRunning,
    /// Alibaba's session query ends with `State` FAIL; other calls are well.
    Fail,
    /// The first so many polls with a `ResultId` are refused; other calls are well.
    RefuseResultId(u32),
}

/// How a call ends.
pub(super) enum Delivery {
    Answer(Answer),
    Late(Duration, Answer),
    Hang,
    Reset,
}

impl Fault {
    /// What becomes of the good answer to this request.
    pub(super) fn deliver(self, good: Answer, request_id: &str) -> Delivery {
        let body = good.payload.bytes();
        let with = |payload| Answer { payload, headers: good.headers.clone(), ..good };
        Delivery::Answer(match self {
            Self::Reset => return Delivery::Reset,
            Self::Hang => return Delivery::Hang,
            Self::Delay(delay) => return Delivery::Late(delay, good),
            Self::Refuse(refusal) => refusal.answer(request_id),
            Self::Status { status, headers, body } => with_headers(status, headers, body),
            Self::Html => Answer::new(502, "text/html", HTML),
            Self::Empty => with(Payload::whole(Bytes::new())),
            Self::Truncated => with(Payload::whole(body.slice(..body.len() / 2))),
            Self::ShortBody => with(Payload::short(&body)),
            Self::Drip => with(Payload::drip(&body, Duration::from_secs(1))),
            Self::WrongTypes => Answer::json(200, WRONG_TYPES),
            Self::Garbage => Answer::json(200, GARBAGE),
            Self::Redirect(place) => Answer::new(302, "text/html", "").header("location", place),
            Self::Huge(bytes) => with(Payload::padded(body, bytes)),
            Self::Gzip => compressed(with(Payload::whole(body))),
            Self::GzipBomb(bytes) => compressed(with(Payload::padded(body, bytes))),
            Self::EndlessRunning | Self::Fail | Self::RefuseResultId(_) => good,
        })
    }
}

const HTML: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
const GARBAGE: &[u8] = b"\x00\xff\xfe{\x80\x81\"Data\":\xc3(";
const WRONG_TYPES: &str = concat!(
    r#"{"Code":200,"Success":true,"Data":{"IsFinish":true,"State":"SUCCESS","SessionData":{"TotalSessionCount":[],"#,
    r#""SessionList":{"SessionId":"one"}},"TaskState":7,"KillSuccessCount":"many"},"#,
    r#""processes":{"id":1},"count":[],"physical_processes":"none","total_count":{}}"#
);

fn with_headers(status: u16, headers: Vec<(String, String)>, body: String) -> Answer {
    let mut answer = Answer::json(status, body);
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        answer.headers.clear();
    }
    answer.headers.extend(headers);
    answer
}

fn compressed(answer: Answer) -> Answer {
    Answer { payload: answer.payload.gzip(), ..answer }.header("content-encoding", "gzip")
}

impl Refusal {
    pub(super) fn answer(&self, request_id: &str) -> Answer {
        let answer = Answer::json(self.status, self.body(request_id).to_string());
        self.headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value))
    }
}
