//! Reading ahead of the writer. The data of a large fleet pass through the processor's caches once a family; a writer that
//! came to each target's part unprepared would wait for memory each time. Reads of many targets in a row, with little to do
//! between them, wait together.

use std::hint::black_box;

use super::value::Value;
use crate::model::ranking::Named;

/// Bytes that come from memory at once.
const LINE: usize = 64;

/// Reads a value.
pub fn value(value: Value) {
    black_box(value);
}

/// Reads one item of every line of memory that `items` take.
pub fn lines<T: Copy>(items: &[T]) {
    for item in items.iter().step_by((LINE / size_of::<T>()).max(1)) {
        black_box(*item);
    }
}

/// Reads values and their names.
pub fn named<V: Copy>(named: &Named<V>) {
    lines(named.values());
    lines(named.names().as_bytes());
}
