learning = Learn
learning-continue = Go on where you were
learning-go-on = Go on
learning-read = read on { $when }
learning-sites = Training sites
learning-items = To read and to learn
learning-empty = There is nothing to read here yet.
learning-trouble = The catalogue does not answer. Try again in a moment.
learning-pages = { $n ->
    [one] 1 page
   *[other] { $n } pages
}
search-hint = Look for a word, a trade…
search-clear = Clear
search-suggestions = You are looking for:
search-waiting = Searching…
search-nothing = Nothing found for “{ $name }”
search-nothing-help = Try one word only, or a simpler word.
search-spelt = Also looked for: “{ $name }”
search-more = See more results
search-end = That is all.
kind-all = Everything
kind-zim = Encyclopedia
kind-html = Course
kind-pdf = Document
kind-other = Other
language-all = All languages
