//! Listeners.

use tenfold_gateway::config::listener::Listener;

use super::Scope;
use crate::config::read::Field;
use crate::config::scalar::{Network, Size};
use crate::config::shape::{List, Named};
use crate::config::{raw, value};

pub(super) fn check(file: &raw::File, scope: &mut Scope<'_>) -> Vec<Listener> {
    let timeouts = file.timeouts.or(raw::gateway::Timeouts::default());
    let limits = file.limits.or(raw::gateway::Limits::default());
    let gateway = file.gateway.or(raw::gateway::Process::default());
    let standard = Listener::default();
    let mut head_limits = standard.head_limits;
    if let Some(size) = head_size(&limits.max_head, scope) {
        head_limits.head = size;
    }
    let mut listeners = Vec::new();
    for (name, listener) in file.listener.value().into_iter().flat_map(Named::given) {
        let listener = &listener.value;
        let Some(address) = listener.listen.value() else {
            continue;
        };
        let mut own_limits = head_limits;
        if let Some(size) = head_size(&listener.max_head, scope) {
            own_limits.head = size;
        }
        let time = |own: &Field<_>, general: &Field<_>, default| {
            let time: Option<&crate::config::scalar::Time> = own.value().or(general.value());
            time.map_or(default, |time| time.0)
        };
        let trusted = listener.trusted_proxies.value();
        listeners.push(Listener {
            name: name.value.clone(),
            address: address.0,
            trusted_proxies: networks(trusted.or(gateway.trusted_proxies.value())),
            head_timeout: time(
                &listener.head_timeout,
                &timeouts.head,
                standard.head_timeout,
            ),
            idle_timeout: time(
                &listener.idle_timeout,
                &timeouts.idle,
                standard.idle_timeout,
            ),
            head_limits: own_limits,
        });
    }
    listeners
}

fn networks(list: Option<&List<Network>>) -> Vec<ipnet::IpNet> {
    let list = list.into_iter().flat_map(|list| &list.0);
    list.map(|network| network.value.0).collect()
}

fn head_size(field: &Field<Size>, scope: &mut Scope<'_>) -> Option<usize> {
    let given = field.given()?;
    match value::head_size(&given.value.0.to_string()) {
        Ok(size) => Some(size),
        Err(help) => {
            scope
                .report
                .error(given.at, "`max_head` is out of bounds", help);
            None
        }
    }
}
