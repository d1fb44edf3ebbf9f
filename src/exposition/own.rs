//! The exporter's own instruments: families that a prometheus registry gathered, written by that crate's encoder.

use bytes::{BufMut, BytesMut};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

/// Appends one family; one without samples, or of no type, leaves no trace.
pub fn write(family: &MetricFamily, page: &mut BytesMut) {
    // The encoder panics at an untyped family.
    if family.get_field_type() == MetricType::UNTYPED {
        return;
    }
    // It refuses only what has no name or no samples, before it writes; memory takes all that it writes.
    TextEncoder::new().encode(std::slice::from_ref(family), &mut page.writer()).unwrap_or_default();
}
