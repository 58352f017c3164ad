//! Latencies in buckets whose width grows with the value: any quantile within 1.6 %, in constant memory.

/// Buckets for each doubling of the value.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of durations in nanoseconds.
#[derive(Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u32>,
    count: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: Vec::new(),
            count: 0,
            max: 0,
        }
    }

    /// Takes in one duration, in nanoseconds.
    pub(crate) fn record(&mut self, nanos: u64) {
        let index = bucket_of(nanos);
        if index >= self.buckets.len() {
            self.buckets.resize(index + 1, 0);
        }
        self.buckets[index] += 1;
        self.count += 1;
        self.max = self.max.max(nanos);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The value below which `quantile` (0 to 1) of the durations lie, in microseconds; 0 when nothing was recorded.
    pub(crate) fn micros(&self, quantile: f64) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        if quantile >= 1.0 {
            return self.max as f64 / 1_000.0;
        }
        let rank = (quantile * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0_u64;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return upper_bound(index).min(self.max) as f64 / 1_000.0;
            }
        }
        self.max as f64 / 1_000.0
    }
}

fn bucket_of(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEP_BITS;
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS * 2 {
        return index;
    }
    let shift = index / STEPS - 1;
    ((index - shift * STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000_u64 {
            histogram.record(micros * 1_000);
        }
        for (quantile, expected) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let found = histogram.micros(quantile);
            assert!(
                (found - expected).abs() / expected < 0.02,
                "{quantile}: {found} for {expected}"
            );
        }
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for nanos in [0, 1, 63, 64, 127, 128, 129, 1_000, 65_535, 1 << 40] {
            let index = bucket_of(nanos);
            assert!(upper_bound(index) >= nanos, "{nanos}");
            assert!(index == 0 || upper_bound(index - 1) < nanos, "{nanos}");
        }
    }
}
