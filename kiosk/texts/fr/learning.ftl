learning = Apprendre
learning-continue = Continuer où vous en étiez
learning-go-on = Continuer
learning-read = lu le { $when }
learning-sites = Sites de formation
learning-items = À lire et à apprendre
learning-empty = Il n’y a encore rien à lire ici.
learning-trouble = Le catalogue ne répond pas. Essayez encore dans un moment.
learning-pages = { $n ->
    [one] 1 page
   *[other] { $n } pages
}
search-hint = Chercher un mot, un métier…
search-clear = Effacer
search-suggestions = Vous cherchez :
search-waiting = Recherche…
search-nothing = Rien trouvé pour « { $name } »
search-nothing-help = Essayez un seul mot, ou un mot plus simple.
search-spelt = Cherché aussi : « { $name } »
search-more = Voir plus de résultats
search-end = C’est tout.
kind-all = Tout
kind-zim = Encyclopédie
kind-html = Cours
kind-pdf = Document
kind-other = Autre
language-all = Toutes les langues
