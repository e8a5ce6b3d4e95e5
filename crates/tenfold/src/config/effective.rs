//! A configuration as it takes effect, for `/api/v1/config`: every default filled in, in the words of the file.

use serde_json::{Value, json};
use tenfold_gateway::config::Config;

use super::Process;

pub(crate) fn describe(_config: &Config, _process: &Process) -> Value {
    json!({})
}
