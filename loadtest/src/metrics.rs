//! The metrics of the server, in the text form of Prometheus.

use crate::{failure::Failure, target::Target};

/// The metrics at one moment.
pub(crate) struct Metrics(String);

impl Metrics {
    /// Reads the metrics of the server.
    pub(crate) async fn read(target: &Target) -> Result<Self, Failure> {
        let url = target.metrics.as_ref().ok_or("the server's metrics are needed: give --metrics")?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let response = client.get(url).send().await?.error_for_status()?;
        Ok(Self(response.text().await?))
    }

    /// The value of a counter with this label, or of the count of a histogram; 0 if the server has not counted yet.
    pub(crate) fn count(&self, name: &str, label: &str) -> usize {
        let value = |line: &str| {
            let labels = line.strip_prefix(name)?.strip_prefix('{')?;
            let (labels, value) = labels.split_once('}')?;
            labels.split(',').any(|known| known == label).then(|| value.trim().parse().ok())?
        };
        self.0.lines().find_map(value).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_by_its_name_and_label() {
        let metrics = Metrics(
            "# TYPE a_count counter\na_count_more{cause=\"x\"} 9\na_count{node=\"1\",cause=\"x\"} 7\na_count{cause=\"y\"} 8\n"
                .to_owned(),
        );
        assert_eq!(metrics.count("a_count", "cause=\"x\""), 7);
        assert_eq!(metrics.count("a_count", "cause=\"z\""), 0);
        assert_eq!(metrics.count("b_count", "cause=\"x\""), 0);
    }
}
