"""The staff's pages: forms and lists in the browser, all of it usable without JavaScript."""
