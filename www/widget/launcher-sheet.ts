/** The launcher's part of the sheet, shared with the drop-in script, which paints one before the element's code is there. */
export const LAUNCHER = `
:host { all: initial; display: contents; }
:host([hidden]) { display: none; }
/* No box of the page's own layout. */
[data-position] { position: absolute; }
.launcher {
  position: fixed; z-index: var(--guestwire-z-index, 2147483000); bottom: var(--guestwire-offset, 1.25rem); box-sizing: border-box;
  inline-size: 3.5rem; block-size: 3.5rem; padding: 0; border: 1px solid var(--_brand-edge); border-radius: 50%; display: grid; place-items: center; cursor: pointer;
  background: var(--_brand-fill); color: var(--_brand-ink);
  box-shadow: 0 .125rem .375rem rgb(17 24 39 / .16), 0 .5rem 1.25rem rgb(17 24 39 / .24);
  transition: background-color .15s;
}
.launcher:hover { background: var(--_brand-hover); }
.launcher:focus-visible { outline: 3px solid var(--_brand-accent); outline-offset: 3px; }
.launcher .icon { inline-size: 1.625rem; block-size: 1.625rem; }
[data-position=right] .launcher { right: var(--guestwire-offset, 1.25rem); }
[data-position=left] .launcher { left: var(--guestwire-offset, 1.25rem); }
.badge {
  position: absolute; inset-block-start: -.25rem; inset-inline-end: -.25rem; min-inline-size: 1.375rem; block-size: 1.375rem; padding-inline: .3125rem; box-sizing: border-box;
  display: grid; place-items: center; border-radius: .75rem; background: #c81e1e; color: #fff; box-shadow: 0 0 0 2px #fff; font-size: .75rem; font-weight: 700; line-height: 1;
}
`;
