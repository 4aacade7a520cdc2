//! Reads what clients push: OpenTelemetry's metrics (OTLP), in protobuf, as far as Kafka's clients
//! write them: gauges, sums and histograms with text attributes.
//!
//! Room:       `metrics`.
//! Called by:  `telemetry`.
//! Never:      allocates by a length it has not checked, or recurses.
//!
//! ```text
//! MetricsData.1 ResourceMetrics.2 ScopeMetrics.2 Metric { 1 name, 5 gauge, 7 sum, 9 histogram }
//! gauge, sum, histogram: 1 data points (sum, histogram: 2 temporality, 1 is delta)
//! point: 4 double │ 6 fixed64 │ histogram: 4 count, 5 sum;  attributes: 7, of a histogram 9
//! ```

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Point<'p> {
    pub name: &'p str,
    pub attributes: Attributes<'p>,
    pub value: f64,
    /// It is what came on top since the last push, not the whole.
    pub is_delta: bool,
}

/// Names and values.
pub type Attributes<'p> = Vec<(&'p str, &'p str)>;

/// The bytes are no OTLP metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A field of a protobuf message.
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// Attributes of one point that are kept.
const ATTRIBUTES_MAX: usize = 32;

const GAUGE: u64 = 5;
const SUM: u64 = 7;
const HISTOGRAM: u64 = 9;
const DELTA: u64 = 1;

/// Tells each point of a push.
///
/// # Errors
/// Nothing is told after the first byte that makes no sense; what was told before stands.
pub fn each_point<'b>(bytes: &'b [u8], mut tell: impl FnMut(Point<'b>)) -> Result<(), Malformed> {
    for resource in messages(bytes, 1) {
        for scope in messages(resource?, 2) {
            for metric in messages(scope?, 2) {
                each_of_metric(metric?, &mut tell)?;
            }
        }
    }
    Ok(())
}

fn each_of_metric<'b>(metric: &'b [u8], tell: &mut impl FnMut(Point<'b>)) -> Result<(), Malformed> {
    let mut name = "";
    let mut data = Vec::new();
    for field in Fields(metric) {
        match field? {
            (1, Value::Bytes(text)) => name = str(text)?,
            (kind @ (GAUGE | SUM | HISTOGRAM), Value::Bytes(bytes)) => data.push((kind, bytes)),
            _ => {}
        }
    }
    for (kind, data) in data {
        let mut is_delta = false;
        for field in Fields(data) {
            if let (2, Value::Number(temporality)) = field? {
                is_delta = temporality == DELTA;
            }
        }
        for point in messages(data, 1) {
            let (attributes, value) = point_of(point?, kind == HISTOGRAM)?;
            tell(Point {
                name,
                attributes,
                value,
                is_delta,
            });
        }
    }
    Ok(())
}

/// A histogram's value is its sum.
fn point_of(bytes: &[u8], histogram: bool) -> Result<(Attributes<'_>, f64), Malformed> {
    let (double_at, attributes_at) = if histogram { (5, 9) } else { (4, 7) };
    let (mut attributes, mut value) = (Vec::new(), 0.0);
    for field in Fields(bytes) {
        match field? {
            (field, Value::Number(bits)) if field == double_at => value = f64::from_bits(bits),
            (6, Value::Number(bits)) if !histogram => value = bits as i64 as f64,
            (field, Value::Bytes(pair))
                if field == attributes_at && attributes.len() < ATTRIBUTES_MAX =>
            {
                attributes.extend(attribute(pair)?);
            }
            _ => {}
        }
    }
    Ok((attributes, value))
}

/// An attribute whose value is text; others are passed over.
fn attribute(bytes: &[u8]) -> Result<Option<(&str, &str)>, Malformed> {
    let (mut key, mut text) = ("", None);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(bytes)) => key = str(bytes)?,
            (2, Value::Bytes(any)) => {
                for field in Fields(any) {
                    if let (1, Value::Bytes(bytes)) = field? {
                        text = Some(str(bytes)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(text.map(|text| (key, text)))
}

fn str(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

/// The messages inside a message that are its field of this number.
fn messages(bytes: &[u8], number: u64) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields(bytes).filter_map(move |field| match field {
        Ok((found, Value::Bytes(bytes))) if found == number => Some(Ok(bytes)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// The fields of a message, until its end or until they make no sense.
struct Fields<'b>(&'b [u8]);

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'b> Fields<'b> {
    fn field(&mut self) -> Option<(u64, Value<'b>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A field that holds bytes.
    pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(bytes);
        out
    }

    /// A push of one metric with one point and one attribute.
    pub fn push(kind: u64, name: &str, delta: bool, value: f64, attribute: &str) -> Vec<u8> {
        let any = field(1, attribute.as_bytes());
        let pair = [field(1, b"client"), field(2, &any)].concat();
        let mut point = field(if kind == HISTOGRAM { 9 } else { 7 }, &pair);
        point.push(if kind == HISTOGRAM {
            5 << 3 | 1
        } else {
            4 << 3 | 1
        });
        point.extend(value.to_le_bytes());
        let mut data = field(1, &point);
        data.extend([2 << 3, if delta { 1 } else { 2 }]);
        let metric = [field(1, name.as_bytes()), field(kind as u8, &data)].concat();
        field(1, &field(2, &field(2, &metric)))
    }

    fn points(bytes: &[u8]) -> Result<Vec<(String, f64, bool)>, Malformed> {
        let mut points = Vec::new();
        each_point(bytes, |point| {
            let text = format!("{} {:?}", point.name, point.attributes);
            points.push((text, point.value, point.is_delta));
        })?;
        Ok(points)
    }

    #[test]
    fn gauges_sums_and_histograms_are_read() {
        for kind in [GAUGE, SUM, HISTOGRAM] {
            let told = points(&push(kind, "m", kind == SUM, 2.5, "x"));
            let text = r#"m [("client", "x")]"#.to_owned();
            assert_eq!(told, Ok(vec![(text, 2.5, kind == SUM)]));
        }
        assert_eq!(points(&[]), Ok(Vec::new()));
    }

    #[test]
    fn whatever_comes_is_read_or_refused() {
        let whole = push(SUM, "metric", true, 1.0, "x");
        for end in 0..whole.len() {
            let _ = points(&whole[..end]);
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[at] ^= 1 << bit;
                let _ = points(&broken);
            }
        }
        assert_eq!(points(&[0xff; 20]), Err(Malformed));
        assert_eq!(
            points(&field(1, &[0x0a, 0xff, 0xff, 0xff, 0x7f])),
            Err(Malformed)
        );
    }
}
