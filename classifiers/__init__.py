"""The judgement: pure functions from what is known to what should be done, and why.

Where to read, in the order of the flow:

* an issue as words: ``redaction`` and ``text``, ``signals``, ``compounds`` and ``names``; as numbers:
  ``census``, ``vocabulary``, ``rows``;
* heads, which learn tags: ``head`` says what each can do; ``exclusive`` where one tag fits an issue
  (learnt in ``exclusive_fit``), ``ranking`` where several do (learnt in ``ranking_fit`` from ``pairs`` and
  ``linear``);
* how far to trust them: ``thresholds``, ``shifts``, ``evaluate`` with ``intervals`` and ``figures``,
  ``trial``, ``succession`` and ``gate``, ``drift``;
* a model as data: ``training`` makes it of ``examples`` (``issues_file``), ``model_files`` keeps it,
  ``card`` and ``in_use`` tell of it;
* sprints: ``scope``, ``requirements`` with ``requirement_model``, ``grown`` and ``stalled`` say what has
  happened to one by what ``sprint_memory`` holds; ``capacity`` (inputs in ``capacity_rows``) and ``creep``
  say what will come of it, ``way_out`` what would help, ``sprint`` puts all that into one
  ``sprint_judgement``; ``capacity_fit`` learns, ``backtest`` holds forecasts against ``velocity``'s rules;
* at work: ``tagger`` answers, ``tagging`` puts its answers beside the admin's rules, ``reasons`` says why.
"""
