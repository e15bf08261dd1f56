//! Scripts that every new document gets, in a world of their own that the page cannot see or touch.

/// Name of the isolated world.
pub const WORLD: &str = "passerelle";
/// Binding through which the hooks tell the kiosk; exists in the isolated world only.
pub const BINDING: &str = "passerelleTell";

/// - Popups of `<select>` are windows of their own, which no frame shows: `base-select` draws them in the page.
/// - Links to other programs (`mailto:`, `tel:`) are stopped at the click, so that the page stays as it is.
/// - The title is told when it changes: headless Chromium does not.
/// - `window.print()` fires `beforeprint`; nothing would be seen otherwise.
pub const SCRIPT: &str = r#"(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('select:not([multiple]):not([size]), ::picker(select) { appearance: base-select !important }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const ours = ['http:', 'https:', 'javascript:', 'blob:', 'data:', 'about:', ':'];
  addEventListener('click', event => {
    const link = event.composedPath().find(node => node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement);
    if (!link?.href || ours.includes(link.protocol)) return;
    event.preventDefault();
    globalThis.passerelleTell?.('other-program');
  }, true);
  if (window === top) {
    let told;
    const tell = () => { if (told !== document.title) globalThis.passerelleTell?.('title:' + (told = document.title)); };
    addEventListener('DOMContentLoaded', () => {
      tell();
      new MutationObserver(tell).observe(document.head ?? document, { subtree: true, childList: true, characterData: true });
    });
  }
  addEventListener('beforeprint', () => globalThis.passerelleTell?.('print'));
})()"#;
