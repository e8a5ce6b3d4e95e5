//! What is not true any more: told to every process and every cache in front of them.
