//! The exporter's own instruments: families that a prometheus registry gathered, written in either format. The crate's own
//! encoder knows text 0.0.4 only, and spells `le` as OpenMetrics does not.

use prometheus::proto::{Histogram, Metric, MetricFamily, MetricType};

use super::format::{Format, escape};
use super::value::Value;

/// Appends one family; one without samples, or of a type that no instrument here has, leaves no trace.
pub fn write(family: &MetricFamily, format: Format, page: &mut Vec<u8>) {
    let word = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY | MetricType::UNTYPED => return,
    };
    if family.get_metric().is_empty() {
        return;
    }
    let name = family.name();
    format.announce(page, name, word, family.help());
    for metric in family.get_metric() {
        match family.get_field_type() {
            MetricType::COUNTER => {
                sample(page, [name, ""], metric, None, Value::Real(metric.get_counter().get_value()));
            }
            MetricType::HISTOGRAM => histogram(page, name, metric, metric.get_histogram()),
            _ => sample(page, [name, ""], metric, None, Value::Real(metric.get_gauge().get_value())),
        }
    }
}

fn histogram(page: &mut Vec<u8>, name: &str, metric: &Metric, histogram: &Histogram) {
    let count = Value::Count(histogram.get_sample_count());
    let mut spelled = ryu::Buffer::new();
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        let le = spelled.format(bucket.upper_bound());
        sample(page, [name, "_bucket"], metric, Some(le), Value::Count(bucket.cumulative_count()));
    }
    sample(page, [name, "_bucket"], metric, Some("+Inf"), count);
    sample(page, [name, "_sum"], metric, None, Value::Real(histogram.get_sample_sum()));
    sample(page, [name, "_count"], metric, None, count);
}

fn sample(page: &mut Vec<u8>, name: [&str; 2], metric: &Metric, le: Option<&str>, value: Value) {
    let mut push = |text: &str| page.extend_from_slice(text.as_bytes());
    name.into_iter().for_each(&mut push);
    let labels =
        metric.get_label().iter().map(|label| (label.name(), label.value())).chain(le.map(|le| ("le", le)));
    let mut before = "{";
    for (name, value) in labels {
        push(before);
        push(name);
        push("=\"");
        escape(value, &mut push);
        push("\"");
        before = ",";
    }
    push(if before == "{" { " " } else { "} " });
    value.write(page);
    page.push(b'\n');
}
