//! Keys set outside the file: the environment, then the flags.

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError, mend};

/// Settings that beat the file, in the order they apply.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Vec<Override>);

#[derive(Clone, Debug)]
struct Override {
    /// What a message names: the variable or the flag.
    origin: String,
    section: String,
    key: String,
    value: String,
}

/// Before every variable: `PASSERELLE_LISTEN_TERMINAL`.
const PREFIX: &str = "PASSERELLE_";

impl Overrides {
    /// Every `PASSERELLE_SECTION_KEY` of the environment. Variables of other sections are not ours.
    pub fn from_environment() -> Overrides {
        Overrides::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        }))
    }

    /// [`Overrides::from_environment`] on given variables.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Overrides {
        let mut list: Vec<Override> = variables
            .into_iter()
            .filter_map(|(origin, value)| {
                let name = origin.strip_prefix(PREFIX)?.to_ascii_lowercase();
                let (section, key) = name.split_once('_')?;
                Some(Override { section: section.into(), key: key.into(), value, origin })
            })
            .collect();
        list.sort_by(|a, b| a.origin.cmp(&b.origin));
        Overrides(list)
    }

    /// Adds a flag that was given.
    pub fn flag(mut self, flag: &str, section: &str, key: &str, value: Option<impl ToString>) -> Overrides {
        if let Some(value) = value {
            let (origin, section, key) = (flag.into(), section.into(), key.into());
            self.0.push(Override { origin, section, key, value: value.to_string() });
        }
        self
    }

    pub(super) fn apply(&self, config: Config) -> Result<Config, ConfigError> {
        self.0.iter().try_fold(config, |config, item| {
            item.apply(&config).map_err(|message| {
                let (what, mend) = mend::sentence(&message);
                ConfigError::Override { origin: item.origin.clone(), what, mend }
            })
        })
    }
}

impl Override {
    /// Sets one key by way of the file's own reader, so that ranges and messages are the same. A settings tree is small
    /// and this runs once a start.
    fn apply(&self, config: &Config) -> Result<Config, String> {
        let mut table = Table::try_from(config).map_err(|error| error.to_string())?;
        let Some(Value::Table(section)) = table.get_mut(&self.section) else { return Ok(config.clone()) };
        let value = match section.get(&self.key) {
            None => {
                let known: Vec<String> = section.keys().map(|key| format!("`{key}`")).collect();
                return Err(format!("unknown field `{}`, expected one of {}", self.key, known.join(", ")));
            }
            Some(Value::String(_)) => Value::String(self.value.clone()),
            // What is no TOML stays text, and the key's own reader says what it wants instead.
            Some(_) => toml::de::ValueDeserializer::parse(&self.value)
                .and_then(Value::deserialize)
                .unwrap_or_else(|_| Value::String(self.value.clone())),
        };
        section.insert(self.key.clone(), value);
        Config::deserialize(table).map_err(|error| error.message().to_owned())
    }
}
