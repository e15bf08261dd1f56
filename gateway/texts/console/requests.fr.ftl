# Demandes d’accès et réponses.
menu-requests = Demandes
requests-title = Demandes d’accès
requests-waiting = En attente
requests-answered = Répondues
requests-count = { $count ->
    [one] Une demande
   *[other] { $count } demandes
}
requests-none = Aucune demande n’attend de réponse.
requests-none-answered = Aucune demande n’a encore reçu de réponse.
request-title = Une demande
request-open = en attente
request-granted = accordée
request-declined = refusée
asked = Demandé
address = Adresse
open = Voir
answer = Réponse
answered-by = Répondu par
answered-at = Répondu le
request-why = Raison donnée
request-today = Ce que disent les règles aujourd’hui
request-trace = Comment c’est décidé
request-grant = Accorder l’accès
request-decline = Refuser
request-host = Site :
request-path = Pages
request-path-hint = Une étoile remplace n’importe quoi : /formation/* ouvre tout ce qui est sous /formation/, /* tout le site. L’accès est en lecture seule.
request-path-wrong = Le chemin des pages doit commencer par « / » et bien se lire.
request-span = Durée
request-span-missing = Choisissez une durée.
span-hour = une heure
span-today = jusqu’à ce soir minuit
span-week = sept jours
span-month = trente jours
span-quarter = quatre-vingt-dix jours
request-words = Votre réponse, que la personne lira
request-words-missing = Écrivez une réponse : la personne doit savoir pourquoi.
request-words-long = Cette réponse est trop longue.
request-url-wrong = L’adresse demandée ne se lit pas : elle ne peut qu’être refusée.
grants-title = Accès personnels en cours
grants-none = Aucun.
done-request-granted = L’accès est accordé ; il vaut dès maintenant, même dans la session en cours.
done-request-declined = La demande est refusée, avec votre réponse.
done-request-was-answered = Cette demande avait déjà une réponse.
request-over = terminé
