//! The shop over HTTP: pages, pictures, and a JSON interface.
