//! gzip levels over a page of 1,000 targets: time, and how much smaller the page gets.

#![expect(clippy::cast_precision_loss, reason = "figures for people stay far below 2^53")]

#[path = "common/compare.rs"]
mod compare;
#[path = "common/targets.rs"]
mod targets;

use std::io::Write as _;

use bytes::Bytes;
use compare::{Contender, compare, keep};
use dbsession_exporter::exposition::{Format, PageInput, count_series, page};
use flate2::Compression;
use flate2::write::GzEncoder;
use targets::targets;

fn main() {
    let input = PageInput { targets: targets(1_000), ..PageInput::default() };
    let frames: Vec<_> = page(input.clone(), Format::Text).collect();
    let plain: usize = frames.iter().map(Bytes::len).sum();
    let compressed = |level| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        for frame in &frames {
            encoder.write_all(frame).expect("memory takes it");
        }
        encoder.finish().expect("memory takes it").len()
    };
    for level in [1, 2, 3, 6, 9] {
        println!(
            "level {level}: {plain} bytes become {}, 1/{:.1}",
            compressed(level),
            plain as f64 / compressed(level) as f64
        );
    }
    let contenders: Vec<Contender<'_>> = vec![
        ("level 6, the usual one", Box::new(|| keep(compressed(6)))),
        ("level 3", Box::new(|| keep(compressed(3)))),
        ("level 2, dbsession_exporter", Box::new(|| keep(compressed(2)))),
        ("level 1", Box::new(|| keep(compressed(1)))),
        ("writing the page without gzip", Box::new(|| keep(page(input.clone(), Format::Text).count()))),
    ];
    compare("gzip", "series", count_series(&input), 7, contenders);
}
