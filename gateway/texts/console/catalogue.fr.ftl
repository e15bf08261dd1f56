# Le catalogue local.
menu-catalogue = Catalogue
catalogue-title = Le catalogue local
catalogue-try = Chercher comme une personne au terminal
catalogue-found = { $count ->
    [0] Rien trouvé
    [one] Une page trouvée
   *[other] { $count } pages trouvées
}
catalogue-spelt = Compris comme :
catalogue-nothing = Aucune page ne correspond.
catalogue-items = Contenus
catalogue-none = Le catalogue est vide.
catalogue-count = { $count ->
    [one] Un contenu
   *[other] { $count } contenus
}
catalogue-item = Titre
catalogue-language = Langue
catalogue-pages = Pages
catalogue-size = Taille
catalogue-added = Ajouté
catalogue-add-hint = Pour ajouter un contenu, sur la machine de la passerelle : passerelle-gateway catalogue add FICHIER --data DOSSIER
catalogue-remove = Retirer…
catalogue-remove-now = Retirer ce contenu
catalogue-remove-help = Le contenu disparaît du catalogue, avec l’endroit où chacun en était. Pour qu’il revienne, il faut l’ajouter de nouveau.
done-catalogue-removed = Le contenu est retiré.
