"""The queue of commands, and the GPUs they get.

``allocation`` decides who starts and with which ids, and knows no processes; ``local`` runs processes and
decides nothing; ``scheduler`` joins the two. Another way of running tasks is another ``executor.Executor``,
behind the hook ``ailab_executor``.
"""
