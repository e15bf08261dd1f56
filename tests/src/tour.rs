//! What a person does at the kiosk, step by step, with keys and clicks: the end-to-end tests' script and the demo's tour.
//!
//! Each step waits for what it causes, on the kiosk's events or on the pixels, and takes a picture when there is an album.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    dokuwiki,
    kiosk::{Event, Kiosk},
    lessons, mediawiki,
    sample::Person,
    site::{self, Fields},
};

/// For a screen of the kiosk itself.
const SCREEN_LIMIT: Duration = Duration::from_secs(30);
/// For a page: Chromium's start and a loaded machine included.
const PAGE_LIMIT: Duration = Duration::from_secs(60);

/// The first tool of DokuWiki's own template, at the size of our screen.
const WIKI_TOOLS: (i32, i32) = (1138, 274);
/// Left of an article, below its tools.
const MARGIN: (i32, i32) = (80, 700);
/// Clicks of the wheel past any page of ours.
const TO_THE_END: i32 = 30;
/// Accents, dead keys and AltGr, as a person types them.
pub const REQUEST: &str = "Une aide pour mon loyer : é è ç à @ € ï";

pub struct Tour<'a> {
    pub kiosk: Kiosk<'a>,
    album: Option<PathBuf>,
    pictures: usize,
}

impl<'a> Tour<'a> {
    /// Without pictures, unless the variable `PASSERELLE_ALBUM` names a folder for them.
    pub fn new(kiosk: Kiosk<'a>) -> Tour<'a> {
        Tour { kiosk, album: std::env::var_os("PASSERELLE_ALBUM").map(PathBuf::from), pictures: 0 }
    }

    /// Keeps pictures of every screen in `folder`.
    pub fn with_album(mut self, folder: &Path) -> Tour<'a> {
        self.album = Some(folder.into());
        self
    }

    /// Saves the screen as the album's next picture, once nothing moves on it.
    pub fn picture(&mut self, name: &str) -> Result<()> {
        let Some(album) = &self.album else { return Ok(()) };
        self.pictures += 1;
        self.kiosk.screen.save_still(&album.join(format!("{:02}-{name}.png", self.pictures)))
    }

    pub fn sign_in(&mut self, person: &Person) -> Result<()> {
        self.kiosk.wait("the field for the name", SCREEN_LIMIT, focused("person"))?;
        self.picture("connexion")?;
        self.kiosk.screen.write(person.id)?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.wait("the field for the PIN", SCREEN_LIMIT, focused("pin"))?;
        self.kiosk.screen.write(person.pin)?;
        self.picture("code")?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.wait_for_screen("home", SCREEN_LIMIT)?;
        self.picture("accueil")
    }

    /// From home through a door: `administrative` to the services, `training` to the catalogue and the training sites.
    pub fn open_door(&mut self, door: &str) -> Result<()> {
        self.kiosk.click(&format!("door-{door}"), SCREEN_LIMIT)?;
        let behind = if door == "training" { "catalogue" } else { "services" };
        self.kiosk.wait_for_screen(behind, SCREEN_LIMIT)?;
        // A search is kept; what stands on the shelves is seen without it.
        if self.kiosk.now()?.searched.is_some() {
            self.kiosk.click("clear", SCREEN_LIMIT)?;
        }
        Ok(())
    }

    /// Types `query` behind the training door, and waits for its results.
    pub fn search(&mut self, query: &str) -> Result<()> {
        self.kiosk.wait("the search field", SCREEN_LIMIT, focused("search"))?;
        self.kiosk.screen.write(query)?;
        self.kiosk.wait(&format!("results for {query}"), SCREEN_LIMIT, |event| {
            event.searched.as_deref() == Some(query)
        })?;
        self.picture("recherche")
    }

    /// From home: finds a page of the sample lesson by a word with a typo, and reads it.
    pub fn find_lesson(&mut self) -> Result<()> {
        self.open_door("training")?;
        self.picture("apprendre")?;
        self.search("experiance")?;
        self.kiosk.click("result-1", SCREEN_LIMIT)?;
        self.wait_for_page(&format!("https://{}-passerelle.internal/experience.html", lessons::CV_ITEM))?;
        self.see("Raconter son expérience")?;
        self.picture("lecon")
    }

    /// From home: the PIN of `person` is `new` from now on.
    pub fn change_pin(&mut self, person: &Person, new: &str) -> Result<()> {
        self.kiosk.click("new-pin", SCREEN_LIMIT)?;
        for (step, pin) in [("old-pin", person.pin), ("new-pin", new), ("new-pin-again", new)] {
            let asked = |event: &Event| event.screen == step && event.focus.as_deref() == Some("pin");
            self.kiosk.wait(step, SCREEN_LIMIT, asked)?;
            self.picture(step)?;
            self.kiosk.screen.write(pin)?;
            self.kiosk.screen.press("Return")?;
        }
        self.kiosk.wait_for_screen("pin-changed", SCREEN_LIMIT)?;
        self.picture("code-change")?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.wait_for_screen("home", SCREEN_LIMIT).map(drop)
    }

    /// From home through a door (`administrative`, `training`) to the first page of a service.
    pub fn open_service(&mut self, door: &str, service: &str, url: &str) -> Result<()> {
        self.open_door(door)?;
        self.picture("services")?;
        self.kiosk.click(&format!("service-{service}"), SCREEN_LIMIT)?;
        self.wait_for_page(url)?;
        self.picture("page")
    }

    /// Opens a service of the real Internet; whether its page came, or the kiosk's own "can't be reached".
    pub fn try_service(&mut self, door: &str, service: &str) -> Result<bool> {
        self.open_door(door)?;
        self.kiosk.click(&format!("service-{service}"), SCREEN_LIMIT)?;
        let event = self.kiosk.wait(&format!("an end of opening {service}"), PAGE_LIMIT, |event| {
            let loaded =
                event.page.as_ref().is_some_and(|page| !page.loading && page.url.starts_with("https://"));
            event.screen == "browse" && (event.dialog.is_some() || loaded)
        })?;
        self.picture("site-reel")?;
        Ok(event.dialog.is_none())
    }

    /// Waits until a page whose address begins with `url` is loaded.
    pub fn wait_for_page(&mut self, url: &str) -> Result<Event> {
        self.kiosk.wait(&format!("the page {url}"), PAGE_LIMIT, |event| {
            event.page.as_ref().is_some_and(|page| !page.loading && page.url.starts_with(url))
        })
    }

    /// Waits until the screen reads `text`.
    pub fn see(&self, text: &str) -> Result<()> {
        self.kiosk.screen.wait_for_text(PAGE_LIMIT, text).map(drop)
    }

    /// Clicks on what reads `text`.
    pub fn follow(&self, text: &str) -> Result<()> {
        self.kiosk.screen.click_text(PAGE_LIMIT, text)
    }

    fn write_and_go_on(&self, text: &str) -> Result<()> {
        self.kiosk.screen.write(text)?;
        self.kiosk.screen.press("Tab")
    }

    /// From the stand-in site's first page to its form, whose first field has the keyboard.
    pub fn begin_form(&mut self) -> Result<()> {
        self.follow("Commencer la démarche")?;
        self.wait_for_page(&format!("https://{}/connexion", site::IDENTITY))?;
        self.see("Camille Exemple")?;
        self.picture("identite")?;
        self.kiosk.screen.press("Return")?;

        self.wait_for_page(&format!("https://{}/demarche", site::HOST))?;
        self.see("Adresse électronique")
    }

    /// The whole form of the stand-in site, from its first page to the receipt; what was entered.
    pub fn fill_in_form(&mut self) -> Result<Fields> {
        self.begin_form()?;
        self.write_and_go_on("Exemple")?;
        self.write_and_go_on("Camille")?;
        self.kiosk.screen.write("camille@exemple.fr")?;
        self.picture("etape-identite")?;
        self.kiosk.screen.press("Return")?;

        self.see("Votre logement")?;
        self.follow("Choisissez")?;
        self.see("Hébergé par un proche")?;
        self.picture("liste")?;
        self.follow("Hébergé par un proche")?;
        self.kiosk.screen.press("Tab")?;
        self.kiosk.screen.write("01022024")?;
        self.picture("etape-situation")?;
        self.kiosk.screen.press("Return")?;

        self.see("Expliquez votre demande")?;
        self.kiosk.screen.write(REQUEST)?;
        self.picture("etape-demande")?;
        // Past the way back to the way on.
        self.kiosk.screen.press("Tab")?;
        self.kiosk.screen.press("Tab")?;
        self.kiosk.screen.press("Return")?;

        self.see("Vérifiez votre demande")?;
        self.picture("verification")?;
        self.kiosk.screen.press("Return")?;
        self.see("Votre demande est enregistrée")?;
        self.picture("recepisse")?;
        let entered = [
            ("nom", "Exemple"),
            ("prenom", "Camille"),
            ("courriel", "camille@exemple.fr"),
            ("situation", "Hébergé par un proche"),
            ("depuis", "2024-02-01"),
            ("demande", REQUEST),
        ];
        Ok(entered.map(|(name, value)| (name.to_string(), value.to_string())).into())
    }

    /// Follows the receipt's link to a site without a rule and is told so; the refusal's reason code.
    pub fn be_refused(&mut self) -> Result<String> {
        self.be_refused_at("Voir un site partenaire", site::ELSEWHERE)
    }

    /// Follows the link of these words to `host` and is told that it may not; the refusal's reason code.
    pub fn be_refused_at(&mut self, link: &str, host: &str) -> Result<String> {
        self.follow(link)?;
        let refused = |event: &Event| event.dialog.as_deref() == Some("refusal");
        let event = self.kiosk.wait("a refusal", PAGE_LIMIT, refused)?;
        self.see(host)?;
        self.picture("refus")?;
        event.refusal.context("a refusal has its reason")
    }

    /// Asks staff for access from the refusal, and returns to the page.
    pub fn ask_for_access(&mut self, reason: &str) -> Result<()> {
        self.kiosk.click("refusal-ask", SCREEN_LIMIT)?;
        self.kiosk.wait("the field for the reason", SCREEN_LIMIT, focused("ask-reason"))?;
        self.kiosk.screen.write(reason)?;
        self.picture("demande-acces")?;
        self.kiosk.click("ask-send", SCREEN_LIMIT)?;
        self.kiosk.wait("the request's confirmation", SCREEN_LIMIT, |event| {
            event.dialog.as_deref() == Some("asked")
        })?;
        self.picture("acces-demande")?;
        self.kiosk.click("close", SCREEN_LIMIT)
    }

    /// Signs in to the wiki, and adds `text` to its first page.
    pub fn edit_wiki(&mut self, text: &str) -> Result<()> {
        self.follow("S'identifier")?;
        self.see("Vous n'êtes pas connecté")?;
        self.picture("wiki-connexion")?;
        // The field has the keyboard, as its page wants it.
        self.write_and_go_on(dokuwiki::USER)?;
        self.kiosk.screen.write(dokuwiki::PASSWORD)?;
        self.kiosk.screen.press("Return")?;
        self.see("Connecté en tant que")?;
        // The page's tools are pictures that say their names when the pointer is there.
        self.kiosk.screen.point(WIKI_TOOLS)?;
        self.follow("Modifier cette page")?;
        self.see("Résumé")?;
        self.follow(dokuwiki::FIRST_TEXT)?;
        self.kiosk.screen.press("ctrl+End")?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.screen.write(text)?;
        self.picture("wiki-modification")?;
        // The button behind the text saves.
        self.kiosk.screen.press("Tab")?;
        self.kiosk.screen.press("Return")?;
        // Below a saved page stands who changed it last; single accents are for the wiki's disk to prove, not for OCR.
        self.see(&format!("de {}", dokuwiki::USER))?;
        self.picture("wiki-page")
    }

    /// On a page of the encyclopedia: types the beginning of a title and takes the wiki's suggestion.
    pub fn search_encyclopedia(&mut self) -> Result<()> {
        self.follow("Rechercher sur")?;
        self.kiosk.screen.write(&mediawiki::ARTICLE[..3].to_lowercase())?;
        self.see(mediawiki::ARTICLE)?;
        self.picture("encyclopedie-suggestion")?;
        self.follow(mediawiki::ARTICLE)?;
        self.wait_for_page(&format!("https://{}/wiki/{}", mediawiki::HOST, mediawiki::ARTICLE))?;
        self.see(mediawiki::ARTICLE_TEXT)?;
        self.picture("encyclopedie-article")
    }

    /// On an article of the encyclopedia: signs in, adds `text`, looks at the preview and saves.
    pub fn edit_article(&mut self, text: &str) -> Result<()> {
        self.follow("Se connecter")?;
        self.see("Mot de passe oublié")?;
        self.picture("encyclopedie-connexion")?;
        // The field has the keyboard, as its page wants it.
        self.write_and_go_on(mediawiki::USER)?;
        self.kiosk.screen.write(mediawiki::PASSWORD)?;
        self.kiosk.screen.press("Return")?;
        self.wait_for_page(&format!("https://{}/wiki/{}", mediawiki::HOST, mediawiki::ARTICLE))?;
        self.follow("Modifier")?;
        self.see(&format!("Modification de {}", mediawiki::ARTICLE))?;
        self.follow(mediawiki::ARTICLE_TEXT)?;
        self.kiosk.screen.press("ctrl+End")?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.screen.press("Return")?;
        self.kiosk.screen.write(text)?;
        self.picture("encyclopedie-modification")?;
        self.turn_wheel(TO_THE_END)?;
        self.follow("Prévisualiser")?;
        self.turn_wheel(-TO_THE_END)?;
        self.see("Rappelez-vous que")?;
        self.picture("encyclopedie-apercu")?;
        self.turn_wheel(TO_THE_END)?;
        self.follow("Enregistrer les modifications")?;
        self.wait_for_page(&format!("https://{}/wiki/{}", mediawiki::HOST, mediawiki::ARTICLE))?;
        self.see("La dernière modification de cette page")?;
        self.picture("encyclopedie-enregistree")
    }

    /// Over the page's margin, where no field of its own would take the wheel.
    fn turn_wheel(&self, clicks: i32) -> Result<()> {
        self.kiosk.screen.point(MARGIN)?;
        self.kiosk.screen.scroll(clicks)
    }

    /// From a refusal back to the page below it.
    pub fn dismiss(&mut self) -> Result<()> {
        self.kiosk.click("refusal-return", SCREEN_LIMIT)?;
        self.kiosk.wait("the page again", SCREEN_LIMIT, |event| event.dialog.is_none()).map(drop)
    }

    /// From a page to the person's requests, and from there to the page at `url` that request `place` (from 1) was granted for.
    pub fn open_granted(&mut self, place: usize, url: &str) -> Result<()> {
        self.leave_site()?;
        self.kiosk.click("requests", SCREEN_LIMIT)?;
        self.kiosk.wait_for_screen("requests", SCREEN_LIMIT)?;
        let open = format!("open-{place}");
        self.kiosk.wait("the answer", SCREEN_LIMIT, |event| event.rectangles.contains_key(&open))?;
        self.picture("demande-accordee")?;
        self.kiosk.click(&open, SCREEN_LIMIT)?;
        self.wait_for_page(url).map(drop)
    }

    /// From a page back to the two doors.
    pub fn leave_site(&mut self) -> Result<()> {
        self.kiosk.click("leave", SCREEN_LIMIT)?;
        self.kiosk.wait("the screen behind the page", SCREEN_LIMIT, |event| event.screen != "browse")?;
        if self.kiosk.now()?.screen != "home" {
            self.kiosk.click("back", SCREEN_LIMIT)?;
        }
        self.kiosk.wait_for_screen("home", SCREEN_LIMIT).map(drop)
    }

    pub fn sign_out(&mut self) -> Result<()> {
        self.kiosk.click("sign-out", SCREEN_LIMIT)?;
        self.kiosk.wait_for_screen("sign-in", SCREEN_LIMIT)?;
        // "ending" is said while the browser's processes go; then nothing.
        self.kiosk.wait("the end of the browser", SCREEN_LIMIT, |event| event.browser.is_none())?;
        self.picture("au-revoir")
    }
}

fn focused(name: &str) -> impl Fn(&Event) -> bool + '_ {
    move |event| event.focus.as_deref() == Some(name)
}
