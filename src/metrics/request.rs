//! Requests by API: how many, how large.
//!
//! Room:       `metrics`.
//! Called by:  `handlers`, once per request.
//! Never:      shared between threads: each shard has its own, summed when read.

use crate::protocol::ApiKey;
use std::cell::Cell;

/// Counters by api key.
pub struct RequestMetrics(Vec<Counters>);

#[derive(Default)]
struct Counters {
    requests: Cell<u64>,
    bytes: Cell<u64>,
}

impl Default for RequestMetrics {
    fn default() -> RequestMetrics {
        let keys = ApiKey::all()
            .map(|key| key as usize)
            .max()
            .unwrap_or_default();
        RequestMetrics((0..=keys).map(|_| Counters::default()).collect())
    }
}

impl RequestMetrics {
    /// Counts one request of `bytes` bytes.
    pub fn request(&self, api: ApiKey, bytes: usize) {
        let counters = &self.0[api as usize];
        counters.requests.set(counters.requests.get() + 1);
        counters.bytes.set(counters.bytes.get() + bytes as u64);
    }

    /// APIs that were asked since the start, each with requests and bytes.
    pub fn sample(&self) -> Vec<(ApiKey, u64, u64)> {
        let all = ApiKey::all().map(|api| {
            let counters = &self.0[api as usize];
            (api, counters.requests.get(), counters.bytes.get())
        });
        all.filter(|(_, requests, _)| *requests > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_api() {
        let metrics = RequestMetrics::default();
        metrics.request(ApiKey::Fetch, 10);
        metrics.request(ApiKey::Fetch, 5);
        assert_eq!(metrics.sample(), [(ApiKey::Fetch, 2, 15)]);
    }
}
