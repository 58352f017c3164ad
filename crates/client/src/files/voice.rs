//! Voice messages: how long they are, and how loud from their beginning to their end.

use xmpp::xep::file_metadata::FileMetadata;

/// How many bars a waveform has at most.
pub const BARS: usize = 64;

/// What is told of a voice message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voice {
    /// How long it is, in milliseconds.
    pub length_milliseconds: u64,
    /// At most [`BARS`] bars from the beginning to the end: 0 silent, 255 as loud as its loudest.
    pub waveform: Vec<u8>,
}

impl Voice {
    /// Writes it down in the metadata of the file.
    pub fn describe(&self, file: &mut FileMetadata) {
        file.length_milliseconds = Some(self.length_milliseconds);
        file.waveform.clone_from(&self.waveform);
    }
}

/// Listens to a recording while it is made: one channel of samples of 16 bits, in chunks of any size. Its memory is that of
/// [`BARS`] numbers, however long it takes.
#[derive(Debug, Clone)]
pub struct Listener {
    sample_rate: u32,
    samples: u64,
    /// How many samples a bar has; doubled when there is no room for another bar.
    per_bar: u64,
    in_bar: u64,
    /// The greatest amplitude in each of at most two times [`BARS`] bars.
    bars: Vec<u16>,
}

impl Listener {
    /// Begins a recording with this many samples each second; 0 counts as 48,000.
    #[must_use]
    pub fn new(sample_rate: u32) -> Self {
        let sample_rate = if sample_rate == 0 {
            48_000
        } else {
            sample_rate
        };
        Self {
            sample_rate,
            samples: 0,
            // 20 ms: less is no loudness but a wave.
            per_bar: u64::from(sample_rate / 50).max(1),
            in_bar: 0,
            bars: Vec::with_capacity(2 * BARS),
        }
    }

    /// Takes the next samples.
    pub fn listen(&mut self, samples: &[i16]) {
        for sample in samples {
            if self.in_bar == 0 {
                if self.bars.len() == 2 * BARS {
                    self.halve();
                }
                if self.in_bar == 0 {
                    self.bars.push(0);
                }
            }
            if let Some(bar) = self.bars.last_mut() {
                *bar = (*bar).max(sample.unsigned_abs());
            }
            self.in_bar = (self.in_bar + 1) % self.per_bar;
            self.samples += 1;
        }
    }

    /// Makes one of each two bars. There are as many as fit, all of them full.
    fn halve(&mut self) {
        self.bars = self
            .bars
            .chunks(2)
            .map(|pair| pair.iter().copied().max().unwrap_or_default())
            .collect();
        self.per_bar *= 2;
    }

    /// What is told of the recording.
    #[must_use]
    pub fn finish(self) -> Voice {
        let loudest = f64::from(self.bars.iter().copied().max().unwrap_or_default().max(1));
        let count = self.bars.len().min(BARS);
        let waveform = (0..count)
            .map(|bar| {
                let from = bar * self.bars.len() / count;
                let to = (bar + 1) * self.bars.len() / count;
                let peak = self.bars[from..to]
                    .iter()
                    .copied()
                    .max()
                    .unwrap_or_default();
                // The ear hears the root rather than the amplitude.
                ((f64::from(peak) / loudest).sqrt() * 255.0).round() as u8
            })
            .collect();
        Voice {
            length_milliseconds: self.samples.saturating_mul(1000) / u64::from(self.sample_rate),
            waveform,
        }
    }
}

const PAGE_HEADER: usize = 27;
/// `OpusHead` up to its pre-skip (RFC 7845 §5.1).
const OPUS_HEAD: usize = 12;
const OPUS_RATE: u64 = 48_000;
/// No end of stream is known where a page ends no packet (RFC 3533 §6).
const NO_POSITION: u64 = u64::MAX;

/// How long an Ogg file with Opus is: from the positions on its pages (RFC 7845 §4), while its bytes go by in chunks of any
/// size. Sound itself is not looked at.
#[derive(Debug, Clone, Default)]
pub struct OggLength {
    /// A page header in the making, or the head of the first page.
    held: Vec<u8>,
    /// Bytes of a page that are still to be passed over.
    skip: usize,
    state: OggState,
    serial: Option<[u8; 4]>,
    position: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum OggState {
    #[default]
    First,
    /// The header of the first page is read, and its body has this many bytes.
    Head(usize),
    Later {
        pre_skip: u64,
    },
    /// It is something else, or damaged.
    Lost,
}

impl OggLength {
    /// Takes the next bytes of the file.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.state != OggState::Lost {
            let skipped = self.skip.min(bytes.len());
            bytes = &bytes[skipped..];
            self.skip -= skipped;
            if self.skip > 0 {
                return;
            }
            let wanted = match self.state {
                OggState::Head(_) => OPUS_HEAD,
                _ => match self.held.get(PAGE_HEADER - 1) {
                    Some(segments) => PAGE_HEADER + usize::from(*segments),
                    None => PAGE_HEADER,
                },
            };
            let taken = bytes.len().min(wanted - self.held.len());
            let (now, later) = bytes.split_at(taken);
            self.held.extend_from_slice(now);
            bytes = later;
            if self.held.len() == wanted {
                self.step();
            }
        }
    }

    /// As many bytes as were wanted are there.
    fn step(&mut self) {
        if let OggState::Head(body) = self.state {
            let pre_skip = self.held.strip_prefix(b"OpusHead").and_then(|rest| {
                Some(u64::from(u16::from_le_bytes([
                    *rest.get(2)?,
                    *rest.get(3)?,
                ])))
            });
            self.state = match pre_skip {
                Some(pre_skip) => OggState::Later { pre_skip },
                None => OggState::Lost,
            };
            self.skip = body - OPUS_HEAD;
            self.held.clear();
            return;
        }
        if !self.held.starts_with(b"OggS\0") {
            self.state = OggState::Lost;
            return;
        }
        let Some((header, segments)) = self.held.split_first_chunk::<PAGE_HEADER>() else {
            return;
        };
        if segments.len() < usize::from(header[PAGE_HEADER - 1]) {
            return;
        }
        let body: usize = segments.iter().copied().map(usize::from).sum();
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            p0,
            p1,
            p2,
            p3,
            p4,
            p5,
            p6,
            p7,
            s0,
            s1,
            s2,
            s3,
            ..,
        ] = *header;
        let position = u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]);
        let serial = [s0, s1, s2, s3];
        self.held.clear();
        if self.state == OggState::First {
            self.serial = Some(serial);
            self.state = match body >= OPUS_HEAD {
                true => OggState::Head(body),
                false => OggState::Lost,
            };
            return;
        }
        if self.serial == Some(serial) && position != NO_POSITION {
            self.position = self.position.max(position);
        }
        self.skip = body;
    }

    /// The length in milliseconds. `None` when it is no Ogg file with Opus, or is damaged.
    #[must_use]
    pub fn milliseconds(&self) -> Option<u64> {
        let OggState::Later { pre_skip } = self.state else {
            return None;
        };
        let samples = self.position.checked_sub(pre_skip)?;
        // Days of voice are no voice message, but a damaged page.
        (samples > 0 && samples < OPUS_RATE * 86_400 * 7).then(|| samples * 1000 / OPUS_RATE)
    }
}
