# Apprendre une démarche : les essais enregistrés et leur projet de règles.
menu-learning = Apprendre
learning-title = Apprendre une démarche
learning-help = Une personne de test fait la démarche une fois, à un terminal, sur des sites que vous nommez. Tout est enregistré ; { $most } minutes au plus. À l’arrêt, la passerelle écrit un projet de règles, que vous relisez, proposez, et qu’une autre personne signe.
learning-none = Aucun essai n’est enregistré en ce moment.
learning-count = { $count ->
    [one] Un essai
   *[other] { $count } essais
}
learning-step = Démarche
learning-person = Personne de test
learning-person-hint = Son numéro. Elle est du groupe « { $group } ».
learning-open = Ouvert
learning-until = Jusqu’au
learning-over = terminé
learning-passed = Passées
learning-refused = Refusées
learning-stop = Arrêter et écrire le projet
learning-start = Commencer un essai
learning-hosts = Hôtes à ouvrir
learning-hosts-hint = Un par ligne, { $most } au plus, par exemple demarche.exemple.fr ou demarche.exemple.fr:8443.
learning-host-wrong = « { $host } » n’est pas un hôte.
learning-minutes = Minutes (1 à { $most })
learning-service = Identifiant de la démarche
learning-service-hint = Lettres sans accent, chiffres, points et tirets, par exemple declaration-revenus.
learning-name = Nom en français
learning-category = Rubrique
learning-administrative = Démarches
learning-training = Formation
done-learning-started = L’essai commence : la personne de test peut ouvrir la démarche à un terminal.
learning-draft = Le projet de règles
learning-draft-help = L’essai est arrêté et ses hôtes sont fermés. Ce projet n’est gardé nulle part : proposez-le maintenant, ou copiez-le.
learning-unseen = { $count ->
    [one] Une requête de plus n’a pas été gardée : le projet n’en sait rien.
   *[other] { $count } requêtes de plus n’ont pas été gardées : le projet n’en sait rien.
}
learning-learnt = Ce qui a été appris
learning-left-out = Laissé de côté
learning-left-out-none = Rien n’a été refusé pendant l’essai.
learning-still-refused = Serait encore refusé
learning-still-refused-none = Le projet laisse passer tout ce qui a passé pendant l’essai.
learning-host = Hôte
learning-why = Raison
learning-times = Fois
learning-example = Exemple
learning-request = Requête
trouble-person-unknown = Il n’y a pas de personne de ce numéro.
trouble-learning-minutes = Un essai dure de 1 à { $most } minutes.
trouble-learning-hosts = Un essai ouvre de 1 à { $most } hôtes.
trouble-learning-host = { $host } ne peut pas être ouvert : il est refusé à tout le monde, il est à nous, ou il est d’une démarche confidentielle.
trouble-learning-person = Cette personne n’est pas du groupe « { $group } » : seules les démarches d’une personne de test sont enregistrées.
trouble-learning-service = Les règles ont déjà une démarche de cet identifiant.
trouble-learning-running = Un essai de cette personne est déjà enregistré.
trouble-learning-not-running = Aucun essai de cette personne n’est enregistré.
trouble-learning-no-page = L’essai n’a ouvert aucune page : il n’y a rien à en apprendre.
