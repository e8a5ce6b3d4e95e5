//! The Redis level (being written).
