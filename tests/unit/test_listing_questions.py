"""Questions that ask for all instances of something, their number or their order."""

from datetime import date

import pytest

from hitherto.core.recall.query_plan import plan

LISTING = """
How many concerts did I go to last year?
How many times have I been to the dentist since January?
How many different restaurants have we tried so far?
How many plants do I have on my balcony?
How many of my cousins live abroad?
In how many cities have I lived?
On how many days did I work from home?
how many km did i run in march all in all
How often did I call in sick this spring?
How much did I spend on the bathroom in total?
How much money have I raised altogether?
What is the total number of hours I volunteered?
What did all my flights cost me in total?
Which countries have I visited?
Which of my friends have moved away?
Which books did I finish this summer?
At which companies has Farid worked?
What movies has Priya seen?
What languages does Tomas speak?
What kinds of pets has Ines had?
What are the names of my sister's kids?
Who are the people I met at the conference?
Who has visited me since I moved?
Where have I been hiking this year?
What have I cooked for the book club?
What all did we plant in the garden?
List all the cars I have owned.
Please list every trip I took with Lena.
Can you list the recipes I told you about?
Name all the jobs I've had.
Tell me all the places where I've lived.
Could you give me a list of the medicines that I take?
In what order did I read the three novels?
In which order did we visit the museums?
Sort my trips from earliest to latest.
Put these in order: my move, my wedding, my new job.
Which did I buy first, the tent or the kayak?
Which happened first, the flood or the burglary?
What was the first instrument I learned?
What was the last race that I ran?
What was my very first job?
I was just thinking about my hobby. Which workshops did I attend?
""".strip().splitlines()

SINGLE = """
What is my sister's name?
When did I move to Ghent?
Where do I work?
How long have I had my bike?
How old is my dog?
How many days ago did I adopt Milo?
How many weeks passed between my surgery and the trip?
How many months before the wedding did we get engaged?
What time do I get up on weekdays?
Which laptop do I use?
Which bus do I take to work?
What did the doctor tell me about my knee?
How do I make the lentil soup?
Is there anything I should avoid eating?
What kind of car does Nora drive?
What does Omar do for a living?
What business does my aunt run?
What news did Kim share about the house?
How much do I weigh?
How much is my rent?
How tall is Ben?
How far is my commute?
How come I never finished the course?
What's the first name of my landlord?
Can you recommend a book like the last one that I read?
First of all, could you help me write an email?
At first I thought it was the flu; what did the doctor say?
Why did Lea quit her job in the first place?
In order to get a visa, what do I need?
I want to order a pizza tonight, which one do I like?
What is on my shopping list?
Can you add milk to the list?
Did I lock the account?
Tell me about my trip to Oslo.
Any tips for my interview tomorrow?
Who is my manager?
Who has the spare key?
Where has my brother parked?
What was the name of the hotel in Lyon?
Can you remind me what you suggested for dinner last time?
What does my brother think of the last season?
Does Carla have any brothers?
I have many questions about taxes, which form do I file?
What does 'carpe diem' mean?
What happens after all the guests leave?
""".strip().splitlines()


@pytest.mark.parametrize("question", LISTING)
def test_questions_for_all_instances_ask_for_a_list(question: str) -> None:
    assert plan(question, today=date(2026, 3, 3)).listing


@pytest.mark.parametrize("question", SINGLE)
def test_questions_for_one_fact_ask_for_no_list(question: str) -> None:
    assert not plan(question, today=date(2026, 3, 3)).listing


@pytest.mark.parametrize("question", ["", "list", "how many", "which order", "?", "all " * 2000])
def test_questions_without_a_subject_are_read(question: str) -> None:
    plan(question, today=date(2026, 3, 3))
