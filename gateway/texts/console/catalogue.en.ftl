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
catalogue-language = Language
catalogue-pages = Pages
catalogue-size = Size
catalogue-added = Added
catalogue-add-hint = To add an item, on the gateway's machine: passerelle-gateway catalogue add FILE --data FOLDER
catalogue-remove = Remove…
catalogue-remove-now = Remove this item
catalogue-remove-help = The item leaves the catalogue, and with it the place where each person was. To come back it must be added again.
done-catalogue-removed = The item is removed.
