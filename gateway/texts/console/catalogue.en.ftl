# The local catalogue.
menu-catalogue = Catalogue
catalogue-title = The local catalogue
catalogue-try = Search as a person at a terminal would
catalogue-found = { $count ->
    [0] Nothing found
    [one] One page found
   *[other] { $count } pages found
}
catalogue-spelt = Understood as:
catalogue-nothing = No page matches.
catalogue-items = Items
catalogue-none = The catalogue is empty.
catalogue-count = { $count ->
    [one] One item
   *[other] { $count } items
}
catalogue-item = Title
catalogue-kind-zim = ZIM archive
catalogue-kind-html = HTML pages
catalogue-kind-pdf = PDF
catalogue-language = Language
catalogue-pages = Pages
catalogue-size = Size
catalogue-added = Added
catalogue-add = Add to the catalogue…
catalogue-remove-title = Remove from the catalogue
catalogue-remove = Remove…
catalogue-remove-now = Remove this item
catalogue-remove-help = The item leaves the catalogue, and with it the place where each person was. To come back it must be added again.
done-catalogue-removed = The item is removed.

add-item-title = Add to the catalogue
add-item-help = Each file becomes an item, which people find by searching. You can add:
add-item-takes-zim = a ZIM archive (Wikipedia, Vikidia, online courses…), in several parts too (.zimaa, .zimab…) if you choose them together;
add-item-takes-pdf = a PDF document without a password: each page becomes an image, with its text below.
add-item-takes-html = A folder of HTML pages is added on the gateway’s machine, with the command “catalogue add”. Files of .zip, Word or video are not taken here.
add-item-name = Title
add-item-name-hint = Leave it empty: the file says its own. With several files, each keeps its own.
add-item-language-source = the file’s own
add-item-trade = Trade (ROME code)
add-item-level = Level
add-item-files = Files
add-item-files-hint = At most { $most } at once; { $free } are free on the disk.
add-item-now = Send and add
add-item-sending = Sending:
add-item-sent = everything is sent, one moment…
add-item-cancel = Stop everything
add-item-no-file = Choose at least one file.
add-item-one-title = A title goes with one file only: leave it empty, or send the files one by one.
add-item-long = The title or the level is too long.
add-item-language-wrong = Choose a language of the list.
add-item-trade-wrong = A ROME code is a letter from A to N and four digits: D1102, for example.
add-item-busy = Several uploads are going on already. Wait until one is over, then try again.
add-item-cancelled = Stopped: what was not added yet is not added.
add-item-many = That is more than { $most } files: send them in several goes.
add-item-twice = Two files have the same name: { $name }.
add-item-too-long = That is too large: { $most } at most at once. Nothing was added.
add-item-no-room = The disk is too full: { $free } are free for the catalogue. Remove an item, or ask for a larger disk. Nothing was added.
add-item-disk = The gateway’s disk does not answer as it should. Nothing was added; tell a technician.
add-item-cut-off = The upload was cut off before its end. Nothing was added; try again.
add-item-latest = Latest additions
add-item-count = { $count ->
    [one] One upload since the start
   *[other] { $count } uploads since the start
}
add-item-began = Begun
add-item-by = By
add-item-files-column = Files
add-item-followed = Adding to the catalogue
add-item-stage-arriving = being sent
add-item-stage-taking-in = being prepared
add-item-stage-cut-off = cut off
add-item-stage-cancelled = stopped
add-item-stage-refused = over, with a refusal
add-item-stage-added = done
add-item-goes-on = You can leave this page: the work goes on, and the catalogue says how far it is.
add-item-waiting = Waiting.
add-item-part = A part of the archive.
add-item-left = Not added: stopped before.
add-item-step-copied = Copying: { $done } of { $of }
add-item-step-checked = Checking: { $done } pieces of { $of }
add-item-step-rendered = Images of the pages: { $done } of { $of }
add-item-step-indexed = Words for the search: { $done } pages of { $of }
add-item-added = added
add-item-found = { $count ->
    [0] No page has text: it is found in the list, not by searching.
    [one] One page is found by searching.
   *[other] { $count } pages are found by searching.
}
add-item-refused = refused
add-item-unknown-kind = This is neither a ZIM archive nor a PDF. Nothing was added.
add-item-broken-zim = The ZIM archive is damaged or incomplete. Download it again, then try once more. Nothing was added.
add-item-broken-pdf = This PDF can’t be read: it is damaged, protected by a password, or too large. Nothing was added.
add-item-alike = Too many items have this title already. Give another one.
add-item-unreadable = A page of the content can’t be read. Nothing was added.
add-item-back = See the catalogue
add-item-more = Add something else
