//! Scripts that every new document gets, in a world of their own that the page cannot see or touch.

/// Name of the isolated world.
pub const WORLD: &str = "passerelle";
/// Binding through which the hooks tell the kiosk; exists in the isolated world only.
pub const BINDING: &str = "passerelleTell";

/// - Popups of `<select>` are windows of their own, which no frame shows: `base-select` draws them in the page.
/// - Links and forms that name another window open in this one (a form keeps its fields, which a new address would lose).
/// - The title is told when it changes: headless Chromium does not.
/// - `window.print()` fires `beforeprint`; nothing would be seen otherwise.
pub const SCRIPT: &str = r#"(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('select:not([multiple]):not([size]), ::picker(select) { appearance: base-select !important }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const here = event => {
    const named = event.target.closest?.('a[target], area[target], form[target]');
    const target = named?.getAttribute('target');
    if (target && !['_self', '_parent', '_top'].includes(target.toLowerCase()) && !window[target]?.frameElement) named.target = '_self';
  };
  addEventListener('click', here, true);
  addEventListener('submit', here, true);
  if (window === top) {
    let told;
    const tell = () => { if (told !== document.title) globalThis.passerelleTell?.('title:' + (told = document.title)); };
    addEventListener('DOMContentLoaded', () => {
      tell();
      new MutationObserver(tell).observe(document.head ?? document, { subtree: true, childList: true, characterData: true });
    });
    addEventListener('pageshow', () => { told = undefined; tell(); });
  }
  addEventListener('beforeprint', () => globalThis.passerelleTell?.('print'));
})()"#;
