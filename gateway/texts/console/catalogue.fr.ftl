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
catalogue-kind-zim = archive ZIM
catalogue-kind-html = pages HTML
catalogue-kind-pdf = PDF
catalogue-language = Langue
catalogue-pages = Pages
catalogue-size = Taille
catalogue-added = Ajouté
catalogue-add = Ajouter au catalogue…
catalogue-remove-title = Retirer du catalogue
catalogue-remove = Retirer…
catalogue-remove-now = Retirer ce contenu
catalogue-remove-help = Le contenu disparaît du catalogue, avec l’endroit où chacun en était. Pour qu’il revienne, il faut l’ajouter de nouveau.
done-catalogue-removed = Le contenu est retiré.

add-item-title = Ajouter au catalogue
add-item-help = Chaque fichier devient un contenu, que les personnes trouvent par la recherche. On peut ajouter :
add-item-takes-zim = une archive ZIM (Wikipédia, Vikidia, cours en ligne…), aussi en plusieurs parties (.zimaa, .zimab…) choisies ensemble ;
add-item-takes-pdf = un document PDF, sans mot de passe : chaque page devient une image, avec son texte dessous.
add-item-takes-html = Un dossier de pages HTML s’ajoute sur la machine de la passerelle, par la commande « catalogue add ». Les fichiers .zip, Word et vidéo ne sont pas pris ici.
add-item-name = Titre
add-item-name-hint = Laissez vide : le fichier dit le sien. Avec plusieurs fichiers, chacun garde le sien.
add-item-language-source = celle du fichier
add-item-trade = Métier (code ROME)
add-item-level = Niveau
add-item-files = Fichiers
add-item-files-hint = Au plus { $most } par envoi ; { $free } sont libres sur le disque.
add-item-now = Envoyer et ajouter
add-item-sending = Envoi :
add-item-sent = tout est envoyé, un instant…
add-item-cancel = Tout arrêter
add-item-no-file = Choisissez au moins un fichier.
add-item-one-title = Un titre ne va qu’avec un seul fichier : laissez-le vide, ou envoyez les fichiers un par un.
add-item-long = Le titre ou le niveau est trop long.
add-item-language-wrong = Choisissez une langue de la liste.
add-item-trade-wrong = Un code ROME est une lettre de A à N et quatre chiffres : D1102, par exemple.
add-item-busy = Plusieurs ajouts sont déjà en cours. Attendez que l’un finisse, puis recommencez.
add-item-cancelled = Arrêté : ce qui n’était pas encore ajouté ne l’est pas.
add-item-many = C’est plus de { $most } fichiers : envoyez-les en plusieurs fois.
add-item-twice = Deux fichiers ont le même nom : { $name }.
add-item-too-long = C’est trop grand : { $most } au plus par envoi. Rien n’a été ajouté.
add-item-no-room = La place manque sur le disque : { $free } sont libres pour le catalogue. Retirez un contenu, ou demandez un disque plus grand. Rien n’a été ajouté.
add-item-disk = Le disque de la passerelle ne répond pas comme il faut. Rien n’a été ajouté ; prévenez un technicien.
add-item-cut-off = L’envoi a été coupé avant la fin. Rien n’a été ajouté ; recommencez.
add-item-latest = Derniers ajouts
add-item-count = { $count ->
    [one] Un envoi depuis le démarrage
   *[other] { $count } envois depuis le démarrage
}
add-item-began = Commencé
add-item-by = Par
add-item-files-column = Fichiers
add-item-followed = L’ajout au catalogue
add-item-stage-arriving = en cours d’envoi
add-item-stage-taking-in = en préparation
add-item-stage-cut-off = coupé
add-item-stage-cancelled = arrêté
add-item-stage-refused = terminé, avec un refus
add-item-stage-added = terminé
add-item-goes-on = Vous pouvez quitter cette page : l’ajout continue, et le catalogue dit où il en est.
add-item-waiting = En attente.
add-item-part = Une partie de l’archive.
add-item-left = Pas ajouté : arrêté avant.
add-item-step-copied = Copie : { $done } sur { $of }
add-item-step-checked = Vérification : { $done } morceaux sur { $of }
add-item-step-rendered = Images des pages : { $done } sur { $of }
add-item-step-indexed = Mots pour la recherche : { $done } pages sur { $of }
add-item-added = ajouté
add-item-found = { $count ->
    [0] Aucune page n’a de texte : on le trouve dans la liste, pas par la recherche.
    [one] Une page se trouve par la recherche.
   *[other] { $count } pages se trouvent par la recherche.
}
add-item-refused = refusé
add-item-unknown-kind = Ce n’est ni une archive ZIM ni un PDF. Rien n’a été ajouté.
add-item-broken-zim = L’archive ZIM est abîmée ou incomplète. Téléchargez-la de nouveau, puis recommencez. Rien n’a été ajouté.
add-item-broken-pdf = Ce PDF ne peut pas être lu : il est abîmé, protégé par un mot de passe, ou trop grand. Rien n’a été ajouté.
add-item-alike = Trop de contenus portent déjà ce titre. Donnez-en un autre.
add-item-unreadable = Une page du contenu ne peut pas être lue. Rien n’a été ajouté.
add-item-back = Voir le catalogue
add-item-more = Ajouter autre chose
