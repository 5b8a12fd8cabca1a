//! `--name value` pairs.

use std::str::FromStr;
use std::time::Duration;

/// The arguments behind the command.
#[derive(Debug)]
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Takes words in pairs; whether the command knows their names is found out by nobody.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("{word:?} does not begin with --"))?;
            let value = words.next().ok_or_else(|| format!("--{name} has no value"))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// Every value of a name that may be repeated.
    pub fn all<T: FromStr>(&self, name: &str) -> Result<Vec<T>, String> {
        let read = |value: &String| value.parse().map_err(|_| format!("--{name} cannot be {value:?}"));
        self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| read(value)).collect()
    }

    /// The value of a name that has to be there.
    pub fn required<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.all(name)?.pop().ok_or_else(|| format!("--{name} is missing"))
    }

    /// The value of a name, or what it is without one.
    pub fn or<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        Ok(self.all(name)?.pop().unwrap_or(default))
    }

    /// `--seconds`, which may have a fraction.
    pub fn seconds(&self) -> Result<Duration, String> {
        Duration::try_from_secs_f64(self.required("seconds")?).map_err(|error| format!("--seconds: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn parsed(words: &str) -> Result<Arguments, String> {
        Arguments::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn values_are_found_by_name_and_the_last_one_counts() -> Result<(), String> {
        let arguments = parsed("--seconds 1.5 --port 1 --port 2")?;
        assert_eq!(arguments.all::<u16>("port"), Ok(vec![1, 2]));
        assert_eq!(arguments.required::<u16>("port"), Ok(2));
        assert_eq!(arguments.or("rate", 7), Ok(7));
        assert_eq!(arguments.seconds().map(|time| time.as_millis()), Ok(1_500));
        Ok(())
    }

    #[test]
    fn mistakes_are_named() -> Result<(), String> {
        assert_eq!(parsed("port 1").err().as_deref(), Some("\"port\" does not begin with --"));
        assert_eq!(parsed("--port").err().as_deref(), Some("--port has no value"));
        let arguments = parsed("--port x")?;
        assert_eq!(arguments.required::<u16>("port").err().as_deref(), Some("--port cannot be \"x\""));
        assert_eq!(arguments.required::<u16>("to").err().as_deref(), Some("--to is missing"));
        Ok(())
    }
}
