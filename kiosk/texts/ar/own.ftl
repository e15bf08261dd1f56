home = العودة إلى البداية
my-requests = طلبات الدخول
requests-none = لم تقدّم أي طلب بعد.
requests-help = عندما تكون صفحة محجوبة، اضغط على « اطلب الدخول ».
request-open = في انتظار الرد
request-granted = مقبول
request-declined = مرفوض
request-expired = انتهى
request-ended = انتهى الدخول في { $when }.
request-until-today = مفتوح اليوم حتى { $time }.
request-until-tomorrow = مفتوح حتى غدًا، { $time }.
request-until-day = مفتوح حتى { $when }، { $time }.
request-again = اطلب من جديد
end-of-day = منتصف الليل
request-asked = تاريخ الطلب: { $when }
request-answered = تاريخ الرد: { $when }
request-my-words = أنت: { $name }
request-their-words = الرد: { $name }
answers-new = { $n ->
    [one] لديك رد على طلب دخول.
    [two] لديك ردّان على طلبات الدخول.
    [few] لديك { $n } ردود على طلبات الدخول.
   *[other] لديك { $n } ردًّا على طلبات الدخول.
}
answers-see = عرض
new-pin = تغيير الرمز
new-pin-title = تغيير الرمز السري
new-pin-step = الخطوة { $n } من 3
new-pin-old = رمزك الحالي
new-pin-old-help = الرمز الذي سجلت به الدخول.
new-pin-new = رمزك الجديد
new-pin-rule = ستة أرقام على الأقل. تجنّب تاريخ ميلادك و 123456.
new-pin-again = الرمز الجديد مرة أخرى
new-pin-again-help = للتأكد من أنك تعرفه جيدًا.
new-pin-wrong-old = هذا ليس رمزك الحالي. ابدأ من جديد.
new-pin-not-same = الرمزان غير متطابقين. اختر من جديد.
new-pin-same-as-old = هذا هو الرمز السابق نفسه. اختر رمزًا آخر.
new-pin-failed = تعذّر تغيير الرمز. حاول مرة أخرى.
new-pin-done = تم تغيير رمزك
new-pin-done-help = في المرة القادمة سجّل الدخول بالرمز الجديد. لا تخبر به أحدًا.
