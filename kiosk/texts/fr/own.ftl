home = Retour à l’accueil
my-requests = Mes demandes d’accès
requests-none = Vous n’avez pas encore fait de demande.
requests-help = Quand une page est bloquée, appuyez sur « Demander l’accès ».
request-open = En attente d’une réponse
request-granted = Acceptée
request-declined = Refusée
request-expired = Terminée
request-ended = L’accès s’est terminé le { $when }.
request-until-today = Ouvert aujourd’hui, jusqu’à { $time }.
request-until-tomorrow = Ouvert jusqu’à demain, { $time }.
request-until-day = Ouvert jusqu’au { $when }, { $time }.
request-again = Demander de nouveau
end-of-day = minuit
request-asked = Demandé le { $when }
request-answered = Réponse du { $when }
request-my-words = Vous : { $name }
request-their-words = Réponse : { $name }
answers-new = { $n ->
    [one] Vous avez une réponse à une demande d’accès.
   *[other] Vous avez { $n } réponses à vos demandes d’accès.
}
answers-see = Voir
new-pin = Changer mon code
new-pin-title = Changer mon code secret
new-pin-step = Étape { $n } sur 3
new-pin-old = Votre code actuel
new-pin-old-help = Le code avec lequel vous vous êtes connecté.
new-pin-new = Votre nouveau code
new-pin-rule = Au moins 6 chiffres. Évitez votre date de naissance et 123456.
new-pin-again = Encore une fois le nouveau code
new-pin-again-help = Pour être sûr de bien le connaître.
new-pin-wrong-old = Ce n’est pas votre code actuel. Recommencez.
new-pin-not-same = Les deux codes ne sont pas les mêmes. Choisissez à nouveau.
new-pin-same-as-old = C’est le même code qu’avant. Choisissez un autre code.
new-pin-failed = Le code n’a pas pu être changé. Essayez encore.
new-pin-done = Votre code est changé
new-pin-done-help = La prochaine fois, connectez-vous avec le nouveau code. Ne le dites à personne.
