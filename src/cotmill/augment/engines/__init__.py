"""Back ends that draw samples: transformers in this process, vLLM in this process, servers over HTTP.

base.py      Engine, Ask, Prompt: what a back end gets and gives
hf.py        cotmill's own generate (the default)
vllm.py      vLLM where it can be imported
openai.py    any server that speaks OpenAI's protocol;  server.py retry.py reply.py: one server, its
             mishaps, what it says
"""
