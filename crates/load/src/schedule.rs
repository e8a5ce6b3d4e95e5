//! When arrivals are due, and how many users there are.
