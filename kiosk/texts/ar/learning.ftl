learning = التعلّم
learning-continue = تابع من حيث توقفت
learning-go-on = متابعة
learning-read = آخر قراءة: { $when }
learning-sites = مواقع التدريب
learning-items = للقراءة والتعلّم
learning-empty = لا يوجد هنا شيء للقراءة بعد.
learning-trouble = الفهرس لا يستجيب. حاول بعد لحظة.
learning-pages = { $n ->
    [one] صفحة واحدة
    [two] صفحتان
    [few] { $n } صفحات
   *[other] { $n } صفحة
}
search-hint = ابحث عن كلمة أو مهنة أو موضوع…
search-clear = مسح
search-suggestions = هل تبحث عن:
search-waiting = جارٍ البحث…
search-nothing = لا نتائج لـ « { $name } »
search-nothing-help = جرّب كلمة واحدة أو كلمة أبسط.
search-spelt = تم البحث أيضًا عن: « { $name } »
search-more = عرض مزيد من النتائج
search-end = هذا كل شيء.
kind-all = الكل
kind-zim = موسوعة
kind-html = درس
kind-pdf = وثيقة
kind-other = غير ذلك
language-all = كل اللغات
