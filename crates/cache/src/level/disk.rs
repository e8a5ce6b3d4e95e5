//! The disk level (being written).
