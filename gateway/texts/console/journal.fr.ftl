# Journal, arrêt et reprise de l’accès.
menu-journal = Journal
menu-access = Accès
journal-title = Journal
journal-published = Publiés dans le point de contrôle
journal-queued = En attente d’écriture
journal-verify = Vérifier maintenant
journal-verify-hint = Chaque enregistrement est relu et l’arbre entier recalculé ; cela peut prendre un moment.
journal-busy = Une vérification est déjà en cours : attendez qu’elle finisse.
journal-good = { $count ->
    [one] Le journal est intact : un enregistrement vérifié.
   *[other] Le journal est intact : { $count } enregistrements vérifiés.
}
journal-bad = Le journal n’est pas intact.
journal-checkpoint = Point de contrôle signé
journal-no-checkpoint = Il n’y a pas encore de point de contrôle.
journal-key = Clé de vérification :

access-title = Arrêter ou rétablir l’accès
access-hint = L’arrêt vaut tout de suite, pour tout ce qui est ouvert. Les sessions restent ; le catalogue aussi est arrêté. Chaque arrêt et chaque reprise sont enregistrés avec votre identifiant.
access-all = Tout le monde
access-stop-all = Arrêter l’accès de tout le monde
access-groups = Un groupe
access-no-group = Aucun groupe n’est arrêté.
access-nobody = Personne n’est encore inscrit : il n’y a pas de groupe.
access-group = Groupe
access-choose = Choisissez un groupe
access-stop-group = Arrêter l’accès de ce groupe
access-group-wrong = Ce n’est pas le nom d’un groupe.
done-access-stopped = L’accès est arrêté.
done-access-resumed = L’accès est rétabli.
